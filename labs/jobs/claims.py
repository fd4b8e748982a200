"""The claims of the jobs lab. Each is a sentence that a run can refute, and names the fault that does."""

from __future__ import annotations

from labctl.events import Claim

# In the default run.
ACCEPTED = Claim(
    "jobs.accepted",
    "202 comes while the job has hardly begun: the POST takes as long as writing the job down, not as the job.",
    source="RFC 9110 section 15.3.3; measured",
    broken_by="works-in-the-request",
)
LOCATION = Claim(
    "jobs.location",
    "The 202 says in Location where the job's status is, and that URL answers at once.",
    source="RFC 9110 sections 10.2.2 and 15.3.3",
    broken_by="location-of-nothing",
)
GOES_ON = Claim(
    "jobs.goes-on",
    "A stream is only a view of the job: when it is cut, the job goes on.",
    source="measured; the job belongs to a worker, the stream to the web process",
    broken_by="job-ends-with-the-stream",
)
LAST_EVENT_ID = Claim(
    "jobs.last-event-id",
    "After a cut, EventSource comes back by itself, with the id of the last complete event in Last-Event-ID.",
    source="WHATWG HTML section 9.2.3, reestablish the connection",
    broken_by="ids-left-out",
)
REPLAY = Claim(
    "jobs.replay",
    "The server sends what was missed first: each event arrives once, in order.",
    source="WHATWG HTML section 9.2.3 (the header); the replay is the server's own work",
    broken_by="no-replay",
)
RETRY = Claim(
    "jobs.retry",
    "Between two connections the client waits as long as retry: says, in whole milliseconds.",
    source="WHATWG HTML section 9.2.6: digits only; Chromium's default is 3 s",
    broken_by="retry-in-seconds",
)
ENDS_AT_204 = Claim(
    "jobs.ends-at-204",
    "A client that does not close comes back behind the end of the stream; only a 204 makes it stay away.",
    source="WHATWG HTML section 9.2.3: status other than 200 fails the connection",
    broken_by="empty-200",
    shown_by=("--show", "end"),
)

# Killed with -9.
EVENT_IDS = Claim(
    "jobs.event-ids",
    "Ids are 0, 1, 2 and so on, without a gap and without a second one, also when the worker was killed.",
    source="DBOS docs, streaming: an offset for each write, committed with its checkpoint",
    broken_by="events-from-steps",
    shown_by=("--kill", "worker"),
)
SURVIVES_WORKER = Claim(
    "jobs.survives-worker",
    "kill -9 of a worker loses no job: another worker takes it over and goes on behind the last finished step.",
    source="DBOS docs, workflow recovery; the takeover is labctl's: a lock that dies with its worker",
    broken_by="nobody-takes-over",
    shown_by=("--kill", "worker"),
)
SURVIVES_SERVER = Claim(
    "jobs.survives-server",
    "Jobs and events are not in the web process: after kill -9 the next one answers for every job.",
    source="measured; the twelve-factor app, processes",
    broken_by="state-in-memory",
    shown_by=("--kill", "server"),
)
SURVIVES_STORE = Claim(
    "jobs.survives-store",
    "What was committed is there after kill -9 of all that had the database open; of snapshots only the last one is.",
    source="SQLite docs, atomic commit; PostgreSQL docs, write-ahead logging; Redis docs, persistence",
    broken_by="snapshot-store",
    shown_by=("--kill", "database"),
)

# What runs twice.
AT_LEAST_ONCE = Claim(
    "jobs.at-least-once",
    "Steps run at least once: after kill -9 the step in flight runs again, no other does, and none is left out.",
    source="DBOS docs, steps: at least once, never again after completion; measured",
    broken_by="done-before-run",
    shown_by=("--show", "at-least-once"),
)
IDEMPOTENT_STEP = Claim(
    "jobs.idempotent-step",
    "A step that runs twice has its effect once when the effect has a key that is the same both times.",
    source="measured; the key is made of job and step",
    broken_by="effects-without-key",
    shown_by=("--show", "at-least-once"),
)
IDEMPOTENCY_KEY = Claim(
    "jobs.idempotency-key",
    "Two POSTs with one Idempotency-Key are one job; without a key they are two.",
    source="IETF draft, the Idempotency-Key HTTP header field, section 2",
    broken_by="forgets-keys",
    shown_by=("--show", "double-click"),
)
ONE_TRANSACTION = Claim(
    "jobs.one-transaction",
    "Writing the job down and putting it in the queue is one transaction: a crash leaves both or neither.",
    source="measured; DBOS docs, transactional enqueue; the outbox pattern",
    broken_by="two-transactions",
    shown_by=("--show", "dual-write"),
)

# Limits.
CAP = Claim(
    "jobs.cap",
    "With a cap, a burst from many clients gets exactly that many 202s; the others get 503 with Retry-After.",
    source="RFC 9110 sections 15.6.4 and 10.2.3; measured",
    broken_by="cap-without-lock",
    shown_by=("--show", "cap"),
)
RATE = Claim(
    "jobs.rate",
    "A user with too many active jobs gets 429 with Retry-After, and other users do not notice.",
    source="RFC 6585 section 4",
    broken_by="one-limit-for-all",
    shown_by=("--show", "rate"),
)
CANCEL = Claim(
    "jobs.cancel",
    "DELETE ends a job before its next step: no step begins afterwards.",
    source="DBOS docs, cancelling workflows: at the beginning of the next step",
    broken_by="cancel-ignored",
    shown_by=("--show", "cancel"),
)
EXPIRY = Claim(
    "jobs.expiry",
    "Finished jobs and their events are deleted when they expire; then their URL is a 404.",
    source="measured; DBOS docs, delete workflows",
    broken_by="never-expires",
    shown_by=("--show", "expiry"),
)
NOTIFY = Claim(
    "jobs.notify",
    "A stream that is told of new events has them much sooner than one that looks every 250 ms.",
    source="measured; PostgreSQL docs, LISTEN and NOTIFY",
    broken_by="polls-every-250-ms",
    kind="measured",
    shown_by=("--show", "notify"),
)

# Who may.
AUTHZ = Claim(
    "jobs.authz",
    "Another user's job is a 404 on every endpoint, as one that never was: a 403 would tell that it is there.",
    source="RFC 9110 sections 15.5.4 and 15.5.5",
    broken_by="tells-403",
    shown_by=("--show", "authz"),
)
TOKEN_NOT_IN_URL = Claim(
    "jobs.token-not-in-url",
    "A token in the URL opens nothing: URLs stand in logs and histories. Streams use a cookie or a short-lived ticket.",
    source="RFC 6750 sections 2.3 and 5.3; WHATWG HTML section 9.2.2: EventSource sets no header",
    broken_by="token-in-url",
    shown_by=("--show", "authz"),
)

# The stream, and what stands between.
HEARTBEAT = Claim(
    "jobs.heartbeat",
    "Only by writing does a server notice that a client is gone: with heartbeats its place is free soon.",
    source="WHATWG HTML section 9.2.7, authoring notes: a comment every 15 seconds or so; measured",
    broken_by="no-heartbeat",
    shown_by=("--show", "heartbeat"),
)
PROXY_BUFFERING = Claim(
    "jobs.proxy-buffering",
    "nginx holds a stream back until its buffer is full; X-Accel-Buffering: no lets each event through at once.",
    source="nginx docs, ngx_http_proxy_module: proxy_buffering",
    broken_by="no-accel-header",
    shown_by=("--show", "proxy-buffering"),
)
BLOCKED_WORKERS = Claim(
    "jobs.blocked-workers",
    "Each open stream holds a thread: with fewer streams admitted than there are threads, the site goes on answering.",
    source="gunicorn docs, design: gthread; measured",
    broken_by="no-admission-limit",
    shown_by=("--show", "blocked-workers"),
)
STATUS_CLOSES = Claim(
    "jobs.status-closes",
    "Any status but 200 closes an EventSource for good: a 502, a 503, a 429. Only lost connections are retried.",
    source="WHATWG HTML section 9.2.3, fail the connection; Chromium 156",
    broken_by="client-retries-any-status",
    shown_by=("--show", "status"),
)
INCOMPLETE_EVENT = Claim(
    "jobs.incomplete-event",
    "An event without its empty line does not count: it is dropped, and its id is not the last one.",
    source="WHATWG HTML section 9.2.6",
    broken_by="client-takes-half-events",
    shown_by=("--show", "incomplete"),
)
SIX_CONNECTIONS = Claim(
    "jobs.six-connections",
    "Over HTTP/1.1 a browser has six connections to a host: with six streams open, every other request waits.",
    source="Chromium, client socket pool: 6 per host; WHATWG HTML section 9.2.7, authoring notes",
    broken_by="client-without-limit",
    kind="habit",
    shown_by=("--show", "six-connections"),
)

CLAIMS = (
    ACCEPTED,
    LOCATION,
    GOES_ON,
    LAST_EVENT_ID,
    REPLAY,
    RETRY,
    ENDS_AT_204,
    EVENT_IDS,
    SURVIVES_WORKER,
    SURVIVES_SERVER,
    SURVIVES_STORE,
    AT_LEAST_ONCE,
    IDEMPOTENT_STEP,
    IDEMPOTENCY_KEY,
    ONE_TRANSACTION,
    CAP,
    RATE,
    CANCEL,
    EXPIRY,
    NOTIFY,
    AUTHZ,
    TOKEN_NOT_IN_URL,
    HEARTBEAT,
    PROXY_BUFFERING,
    BLOCKED_WORKERS,
    STATUS_CLOSES,
    INCOMPLETE_EVENT,
    SIX_CONNECTIONS,
)
