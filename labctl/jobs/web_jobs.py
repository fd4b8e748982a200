"""The API of jobs: accept, tell, stream, cancel. Another user's job is one that is not there."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Blueprint, Response, jsonify, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from labctl.jobs import web_streams
from labctl.jobs.access import TICKET_S, Access
from labctl.jobs.settings import Settings
from labctl.jobs.web_answers import Refusal, not_signed_in, too_much, unknown_job
from labctl.jobs.web_input import kinds_in, read_job, read_key

if TYPE_CHECKING:
    from labctl.jobs.feed import Feed
    from labctl.jobs.store import Job, Store

ENDED = ("done", "failed", "cancelled")
_RETRY_AFTER_S = 1
_LONGEST_ID = 100


class Backend:
    """The store and the feed of a process: made by the first request that needs them, after the fork."""

    def __init__(self, settings: Settings, store: Store | None = None) -> None:
        self._settings = settings
        self._store = store
        self._feed: Feed | None = None
        self._lock = threading.Lock()

    @property
    def store(self) -> Store:
        """Raises StoreUnavailable."""
        from labctl.jobs.store import Store

        with self._lock:
            if self._store is None:
                self._store = Store(self._settings)
            return self._store

    @property
    def feed(self) -> Feed:
        """Raises StoreUnavailable."""
        from labctl.jobs.feed import Feed

        store = self.store
        with self._lock:
            if self._feed is None:
                self._feed = Feed(store, self._settings)
            return self._feed

    def close(self) -> None:
        """Ends the feed's thread. The store is closed too."""
        if self._feed is not None:
            self._feed.close()
        if self._store is not None:
            self._store.close()


class Jobs:
    """The routes of one application."""

    def __init__(self, settings: Settings, access: Access, backend: Backend) -> None:
        self._settings = settings
        self._access = access
        self._backend = backend
        self._faults = settings.faults
        self._kinds = kinds_in(settings.jobs_file)
        # For the fault state-in-memory: the jobs that this very process accepted.
        self._accepted: set[str] = set()
        self.places = web_streams.Places(settings)

    def blueprint(self) -> Blueprint:
        """Everything below /api."""
        found = Blueprint("jobs", __name__, url_prefix="/api")
        found.post("/jobs")(self.submit)
        found.get("/jobs")(self.list)
        found.get("/jobs/<job_id>")(self.tell)
        found.delete("/jobs/<job_id>")(self.cancel)
        found.get("/jobs/<job_id>/stream")(self.stream)
        found.post("/jobs/<job_id>/ticket")(self.ticket)
        return found

    def submit(self) -> Response:
        """202: it is stored, and will be done. That it is done nobody says here."""
        from labctl.jobs.store import Refused

        user = self._user()
        if request.mimetype != "application/json":
            raise Refusal(415, "not-json", "The body must be application/json.")
        wanted = read_job(request.get_data(), own_kinds=self._kinds)
        key = read_key(request.headers.get("Idempotency-Key"))
        got = self._backend.store.submit(user, wanted.kind, wanted.given, key)
        if isinstance(got, Refused):
            if got.status == 422:
                raise Refusal(422, "key-reused", got.why)
            raise too_much(got.status, got.why, got.retry_after_s)
        if "state-in-memory" in self._faults:
            self._accepted.add(got.job_id)
        if "works-in-the-request" in self._faults:
            for _ in self._backend.feed.listen(got.job_id, -1, 3600.0):
                pass
        job = self._backend.store.get(got.job_id, user)
        status = job.status if job is not None else "queued"
        named = str(uuid.uuid4()) if "location-of-nothing" in self._faults else got.job_id
        response = jsonify(
            job_id=got.job_id,
            status=status,
            new=got.new,
            url=f"/api/jobs/{got.job_id}",
            stream=f"/api/jobs/{got.job_id}/stream",
            retry_after_ms=_RETRY_AFTER_S * 1000,
        )
        response.status_code = 200 if "works-in-the-request" in self._faults else 202
        response.headers["Location"] = f"/api/jobs/{named}"
        response.headers["Retry-After"] = str(_RETRY_AFTER_S)
        return response

    def list(self) -> Response:
        """The newest of one's own."""
        jobs = self._backend.store.list(self._user())
        return jsonify(jobs=[_told(job) for job in jobs if self._known(job.id)])

    def tell(self, job_id: str) -> Response:
        """What is known of a job."""
        return jsonify(_told(self._own(job_id, self._user())))

    def cancel(self, job_id: str) -> Response:
        """200: it is cancelled, or was. 409: it had ended otherwise."""
        user = self._user()
        job = self._own(job_id, user)
        if job.status not in ENDED:
            self._backend.store.cancel(job_id)
            job = self._own(job_id, user)
        if job.status in ("done", "failed"):
            sentence = f"The job has ended already: {job.status}."
            raise Refusal(409, "job-ended", sentence, more={"job_id": job_id, "status": job.status})
        return jsonify(_told(job))

    def ticket(self, job_id: str) -> Response:
        """For a client that can neither send a cookie nor Authorization: a URL of this one stream, for a moment."""
        user = self._user()
        self._own(job_id, user)
        ticket = self._access.ticket(user, job_id)
        return jsonify(
            ticket=ticket, stream=f"/api/jobs/{job_id}/stream?ticket={ticket}", expires_ms=TICKET_S * 1000
        )

    def stream(self, job_id: str) -> AnyResponse:
        """Server-sent events after Last-Event-ID; 204 when nothing will ever follow: a browser stops then."""
        settings = self._settings
        user = self._user(job_id)
        given = web_streams.last_event_id(
            request.headers.get("Last-Event-ID"), request.args.get("last_event_id")
        )
        job = self._own(job_id, user)
        if settings.stream_url:
            return redirect(_elsewhere(settings), 307)
        if given >= 0 and "no-replay" in self._faults:
            given = self._newest(job_id)
        if job.status in ENDED and self._nothing_after(job_id, given):
            if "empty-200" in self._faults:
                return Response(b"", headers=web_streams.headers(settings))
            return Response(status=204, headers={"Cache-Control": "no-store"})
        if request.method == "HEAD":
            return Response(headers=web_streams.headers(settings))
        give_back = self.places.take(user)
        try:
            heard = self._backend.feed.listen(job_id, given, settings.heartbeat_s)
        except BaseException:
            give_back()
            raise

        def closed(ended: bool) -> None:
            give_back()
            if "job-ends-with-the-stream" in self._faults and not ended:
                self._backend.store.cancel(job_id)

        web_streams.notice_stalled(request.environ.get("gunicorn.socket"))
        return Response(web_streams.Body(settings, heard, closed), headers=web_streams.headers(settings))

    def _user(self, job_id: str = "") -> str:
        fields = {name.lower(): value for name, value in request.headers.items()}
        user = self._access.user(fields, request.args.to_dict(), job_id)
        if user is None:
            raise not_signed_in()
        return user

    def _known(self, job_id: str) -> bool:
        return "state-in-memory" not in self._faults or job_id in self._accepted

    def _own(self, job_id: str, user: str) -> Job:
        possible = len(job_id) <= _LONGEST_ID and job_id.isascii() and job_id.isprintable()
        if not possible or not self._known(job_id):
            raise unknown_job()
        job = self._backend.store.get(job_id, user)
        if job is None:
            if "tells-403" in self._faults and self._backend.store.get(job_id) is not None:
                raise Refusal(403, "not-yours", "This job is another user's.")
            raise unknown_job()
        return job

    def _nothing_after(self, job_id: str, after: int) -> bool:
        """A last event that stands in no store (cancelled, given up) is told to a first connection only: it has no id
        that a client could come back with, and would be told for ever."""
        events, ended = self._backend.store.events(job_id, after, 2)
        return ended and (not events or (after >= 0 and all(event.id < 0 for event in events)))

    def _newest(self, job_id: str) -> int:
        after = -1
        while True:
            events, ended = self._backend.store.events(job_id, after)
            after = max([after, *(event.id for event in events)])
            if ended or not events:
                return after


def _told(job: Job) -> Mapping[str, object]:
    found = {
        "job_id": job.id,
        **job._asdict(),
        "url": f"/api/jobs/{job.id}",
        "stream": f"/api/jobs/{job.id}/stream",
    }
    del found["id"]
    return found


def _elsewhere(settings: Settings) -> str:
    """The same URL at the stream server, under the name by which the page called us: cookies go by name."""
    there = urlsplit(settings.stream_url)
    name = request.host.rpartition(":")[0] or request.host
    place = f"{name}:{there.port}"
    base = f"{there.scheme}://{place}" if place in settings.hosts else settings.stream_url.rstrip("/")
    query = request.query_string.decode("ascii", "ignore")
    return base + request.path + (f"?{query}" if query else "")
