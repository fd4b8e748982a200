"""Answers of the API that are no success: `{"error": CODE, "message": SENTENCE}` with the right status and fields."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, jsonify

RETRY_S = 2


class Refusal(Exception):
    """A request that gets no success. `sentence` is for a person, `code` for a program, `more` are further
    members of the answer."""

    def __init__(
        self,
        status: int,
        code: str,
        sentence: str,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.sentence = sentence
        self.headers = dict(headers or {})
        self.more = dict(more or {})

    def answer(self) -> Response:
        """As JSON."""
        response = jsonify(error=self.code, message=self.sentence, **self.more)
        response.status_code = self.status
        response.headers.update(self.headers)
        return response


def unknown_job() -> Refusal:
    """The same for a job that never was, one that expired, and one of another user: nobody learns which."""
    return Refusal(404, "job-unknown", "There is no such job.")


def not_signed_in() -> Refusal:
    """401."""
    sentence = (
        "Who asks is not known: send a token in Authorization, or log in. A token in a URL does not count."
    )
    return Refusal(401, "not-signed-in", sentence, {"WWW-Authenticate": 'Bearer realm="labctl jobs"'})


def too_much(status: int, why: str, retry_after_s: int, code: str = "") -> Refusal:
    """429: this user; 503: all together. Ask again later."""
    seconds = max(1, retry_after_s)
    found = code or ("too-many-jobs" if status == 429 else "queue-full")
    return Refusal(status, found, why, {"Retry-After": str(seconds)}, {"retry_after_ms": seconds * 1000})


def store_unavailable(why: str) -> Refusal:
    """The store is gone (503), or its disk is full (507)."""
    if why == "full":
        return Refusal(507, "disk-full", "The disk of the store is full.", {"Retry-After": "30"})
    sentence = "The store of the jobs does not answer. Jobs that were accepted are not lost."
    return too_much(503, sentence, RETRY_S, "store-unavailable")
