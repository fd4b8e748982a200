"""The claims of the workers lab. Each is a sentence that a run can refute, and names the fault that does."""

from __future__ import annotations

from labctl.events import Claim

# In every run of the lab's own application.
ONE_AT_A_TIME = Claim(
    "workers.one-at-a-time",
    "A worker has as many requests in hand as it has threads, and a sync worker has one: all others wait.",
    source="gunicorn docs, design: sync workers; measured",
    broken_by="worker-starts-threads",
    shown_by=("--requests", "6", "--workers", "2", "--timeout", "20"),
)
TIMEOUT = Claim(
    "workers.timeout",
    "The master ends a sync worker that says nothing for --timeout: SIGABRT, and another one in its place.",
    source="gunicorn docs, settings: timeout",
    broken_by="master-never-looks",
    shown_by=("--show", "hang"),
)
HEARTBEAT = Claim(
    "workers.heartbeat",
    "--timeout limits silence, not requests: in gthread the main thread reports while a view takes longer.",
    source="gunicorn docs, settings: timeout; gunicorn/workers/gthread.py",
    broken_by="gthread-reports-when-idle",
    shown_by=("--show", "timeout"),
)

# Who is who.
ONE_SOCKET = Claim(
    "workers.one-socket",
    "Master and workers hold one and the same listening socket: opened before the fork, and inherited.",
    source="gunicorn docs, design: pre-fork worker model; fork(2)",
    broken_by="workers-open-their-own",
    shown_by=("--show", "tree"),
)
MASTER = Claim(
    "workers.master",
    "The master answers nobody: each request is answered by one of its children.",
    source="gunicorn docs, design: the master never knows anything about individual clients",
    broken_by="master-answers-too",
    shown_by=("--show", "tree"),
)
ONE_WORKER = Claim(
    "workers.default",
    "Without --workers gunicorn has one worker, and it is sync: four requests at once are four times as long.",
    source="gunicorn docs, settings: workers, worker_class",
    broken_by="web-concurrency",
    kind="habit",
    shown_by=("--show", "tree"),
)

# Ends.
IN_FLIGHT = Claim(
    "workers.in-flight",
    "kill -9 of a worker loses the request in its hands and no other: the rest waits in the kernel.",
    source="measured; listen(2): the queue belongs to the socket",
    broken_by="worker-accepts-ahead",
    shown_by=("--show", "kill"),
)
RESPAWN = Claim(
    "workers.respawn",
    "When a worker dies the master starts another one, with a new pid, and nobody has to ask for it.",
    source="gunicorn docs, design: the arbiter",
    broken_by="master-never-respawns",
    shown_by=("--show", "kill"),
)
EXCEPTION = Claim(
    "workers.exception",
    "An exception in a view is a 500 and no more: the same worker takes the next request.",
    source="measured; PEP 3333, error handling",
    broken_by="worker-dies-of-exceptions",
    shown_by=("--show", "kill"),
)
RELOAD = Claim(
    "workers.reload",
    "HUP changes all workers and loses no request: the old ones finish what they have in hand.",
    source="gunicorn docs, signal handling: HUP",
    broken_by="hup-ends-at-once",
    shown_by=("--show", "reload"),
)

# Memory.
GLOBALS = Claim(
    "workers.globals",
    "Each worker has globals of its own: a counter of the module never reaches the number of requests.",
    source="measured; fork(2)",
    broken_by="counter-is-shared",
    shown_by=("--show", "globals"),
)
PRELOAD = Claim(
    "workers.preload",
    "With --preload the workers share the memory of what was loaded before the fork.",
    source="gunicorn docs, settings: preload_app; proc(5): smaps_rollup, Pss",
    broken_by="workers-load-again",
    shown_by=("--show", "preload"),
)
READING_WRITES = Claim(
    "workers.reading-writes",
    "Reading is writing: once each worker has gone through the list, it has a copy of its own.",
    source="CPython, reference counts; measured as Pss",
    broken_by="catalogue-in-one-block",
    shown_by=("--show", "preload"),
)

# The queue.
BACKLOG = Claim(
    "workers.backlog",
    "The queue is the kernel's, and it ends without a word: over --backlog a connect hangs, no 503, no refusal.",
    source="listen(2); Linux, tcp_max_syn_backlog and tcp_abort_on_overflow",
    broken_by="backlog-without-end",
    shown_by=("--show", "backlog"),
)
SLOW_CLIENT = Claim(
    "workers.slow-client",
    "A sync worker waits for a client that has sent half a request, and works for nobody meanwhile.",
    source="gunicorn docs, design: sync workers need a buffering proxy; deploying: nginx",
    broken_by="worker-waits-for-whole-requests",
    shown_by=("--show", "slow-client"),
)

# Models.
MODELS = Claim(
    "workers.models",
    "For requests that wait, a model is a number: workers x threads are in progress at the same time.",
    source="measured; gunicorn docs, settings: workers, threads",
    broken_by="pool-of-one",
    kind="measured",
    shown_by=("--show", "models"),
)
GIL = Claim(
    "workers.gil",
    "Threads that run Python do not run together: each is blocked while the other has the interpreter's lock.",
    source="Python docs, glossary: global interpreter lock; not in free-threaded builds (PEP 703, PEP 779)",
    broken_by="loop-outside-of-python",
    kind="measured",
    shown_by=("--show", "gil"),
)
RELEASED = Claim(
    "workers.released",
    "C code that lets go of the lock does run together: sha256 of large data in two threads blocks nobody.",
    source="Python docs, hashlib: the lock is released for more than 2047 bytes",
    broken_by="digest-in-small-pieces",
    kind="measured",
    shown_by=("--show", "gil"),
)
FORMULA = Claim(
    "workers.formula",
    "2 x cores + 1 is no law: workers beyond the cores compute nothing more, and those that wait go on scaling.",
    source="gunicorn docs, design: how many workers; measured",
    broken_by="loop-that-sleeps",
    kind="measured",
    shown_by=("--show", "formula"),
)
CONTROL = Claim(
    "workers.control-socket",
    "Two gunicorns of one user have the same control socket: the second takes the first one's place.",
    source="gunicorn docs, settings: control_socket",
    broken_by="control-sockets-apart",
    kind="habit",
    shown_by=("--show", "control"),
)

CLAIMS = (
    ONE_AT_A_TIME,
    TIMEOUT,
    HEARTBEAT,
    ONE_SOCKET,
    MASTER,
    ONE_WORKER,
    IN_FLIGHT,
    RESPAWN,
    EXCEPTION,
    RELOAD,
    GLOBALS,
    PRELOAD,
    READING_WRITES,
    BACKLOG,
    SLOW_CLIENT,
    MODELS,
    GIL,
    RELEASED,
    FORMULA,
    CONTROL,
)
