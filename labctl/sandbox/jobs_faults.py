"""Faults of jobs: each refutes one sentence of the jobs lab.

Each is a real change of one part of the service (labctl/jobs) or, for the last three, of the client.
"""

from __future__ import annotations

from labctl.sandbox.web_fault import WebFault


def _fault(name: str, sentence: str) -> WebFault:
    return WebFault(name, sentence, (name,))


JOBS_FAULTS: tuple[WebFault, ...] = (
    _fault("works-in-the-request", "The web server does the whole job before it answers the POST."),
    _fault("location-of-nothing", "The Location of a new job leads to nothing."),
    _fault("job-ends-with-the-stream", "The web server cancels a job when its stream's client goes away."),
    _fault("ids-left-out", "The events of a stream carry no id."),
    _fault("no-replay", "The web server ignores Last-Event-ID, and sends only what happens from now on."),
    _fault("retry-in-seconds", "The stream says retry: 1.5, which is no whole number of milliseconds."),
    _fault("empty-200", "A stream with nothing more to tell is answered by 200 and an empty body."),
    _fault("events-from-steps", "Workers write events inside of steps, which are repeated after a crash."),
    _fault(
        "nobody-takes-over", "A restarted worker gets a new id, and none looks for the jobs of dead ones."
    ),
    _fault("state-in-memory", "Each web process knows only the jobs that it has accepted itself."),
    _fault("snapshot-store", "The store comes back from its last snapshot, as Redis does by default."),
    _fault("done-before-run", "A step is noted as done first, and done then."),
    _fault("effects-without-key", "Effects are asked for without a key by which a repeat is known."),
    _fault("forgets-keys", "The server pays no attention to Idempotency-Key."),
    _fault("two-transactions", "A job is written in one transaction and put in the queue in another."),
    _fault("cap-without-lock", "Jobs are counted first and added later, with nothing to hold others off."),
    _fault("one-limit-for-all", "The limit of a user counts everybody's jobs."),
    _fault("cancel-ignored", "The server says yes to DELETE, and does nothing."),
    _fault("never-expires", "Jobs that ended are kept for ever."),
    _fault("polls-every-250-ms", "Streams look into the store every 250 ms instead of being woken."),
    _fault("tells-403", "The server answers 403 for a job of another user."),
    _fault("token-in-url", "The server takes a user's token from the URL."),
    _fault("no-heartbeat", "A stream with no news writes nothing at all."),
    _fault("no-accel-header", "The streams' responses lack X-Accel-Buffering: no."),
    _fault("no-admission-limit", "Streams may take all threads of the web server."),
    _fault("client-retries-any-status", "The client tries again whatever status it got."),
    _fault("client-takes-half-events", "The client takes an event whose blank line has not come."),
    _fault("client-without-limit", "The client opens as many connections to a host as it likes."),
)
