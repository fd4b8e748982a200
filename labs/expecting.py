"""`--expect 200`: statuses that the learner requires, each a check that fails the run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from labctl.errors import UsageError
from labctl.events import Event, Measure
from labs.telling import result

if TYPE_CHECKING:
    from labctl.serving.asking import Answer

# The client's own limits: that a stream goes on is no failure of the answer.
_READ_ENOUGH = ("", "timeout", "large")


def read_statuses(text: str, again: str) -> tuple[str, ...]:
    """`200`, `2xx`, `200,3xx`: what is allowed. Raises UsageError; `again` is a command line that is right."""
    found = tuple(part.strip().lower() for part in text.split(","))
    if not all(_is_status(part) for part in found):
        raise UsageError(
            "usage", f"--expect {text[:40]!r} is no status such as 200, 2xx or 2xx,404", fixes=(again,)
        )
    return found


def _is_status(part: str) -> bool:
    return len(part) == 3 and part[0] in "12345" and (part[1:] == "xx" or (part.isascii() and part.isdigit()))


def for_each(expected: Sequence[str], requests: int, again: str) -> list[tuple[str, ...]]:
    """What is allowed for each request, () where all is: one for each, or a single one for the last. UsageError."""
    read = [read_statuses(each, again) for each in expected]
    if len(read) not in (0, 1, requests):
        raise UsageError(
            "options-contradict",
            f"{len(read)} times --expect for {requests} requests: one for each is wanted, or one for the last",
            fixes=(again,),
        )
    return read if len(read) == requests else [()] * (requests - len(read)) + read


def checked(id: str, line: str, answer: Answer, allowed: Sequence[str]) -> Iterator[Event]:
    """The check of one answer, and a line that says it. `line` is the request, `GET /`."""
    if not allowed:
        return
    fits = any(str(answer.status).startswith(part.removesuffix("xx")) for part in allowed)
    whole = answer.failure in _READ_ENOUGH
    wrong = int(not (answer.status and fits and whole))
    got = str(answer.status or "no answer") + ("" if whole or not answer.status else f", {answer.failure}")
    wanted = " or ".join(allowed)
    yield Measure(f"Check {line}: {got}, with {wanted} wanted: {wrong} unexpected.", id, wrong, at_most=0)
    said = f"{line} gave {got}, and --expect wants {wanted}." if wrong else f"{line} gave {got}, as expected."
    yield result(said, "bad" if wrong else "ok")
