"""The two servers of jobs.py, each in a process: `jobs_servers.py ours|starlette JOBS FOLDER` (a child).

Both have the same feed over the same store in memory and are handed the same bytes by the same channels; what differs
is the server. It says "port N"; `put N` writes N events to each job, one job after another, and `cpu` is answered with
the processor time so far in seconds.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from labctl.jobs.access import Access
from labctl.jobs.doorbell import ring
from labctl.jobs.feed import Feed
from labctl.jobs.settings import Settings
from labctl.jobs.store import Event, Job, Store
from labctl.jobs.stream_server import StreamServer, raise_files
from labctl.jobs.stream_server_channel import Channels
from labctl.jobs.stream_server_gate import Gate

# Slow enough that the slower of the two keeps up.
PACE_S = 0.02


class MemoryStore(Store):
    """Events of k0, k1 .. in lists."""

    def __init__(self, jobs: int) -> None:
        self.rows: dict[str, list[Event]] = {f"k{number}": [] for number in range(jobs)}

    def events_of(self, wanted: Mapping[str, int]) -> dict[str, tuple[tuple[Event, ...], bool]]:
        return {job: (tuple(self.rows[job][after + 1 :]), False) for job, after in wanted.items()}

    def events(self, job_id: str, after: int = -1, limit: int = 1000) -> tuple[tuple[Event, ...], bool]:
        return tuple(self.rows[job_id][after + 1 :]), False

    def get(self, job_id: str, user: str | None = None) -> Job | None:
        return Job(job_id, "ann", "report", "running", 0, 0, "w1", 1, "") if job_id in self.rows else None

    def put(self, job_id: str) -> None:
        row = self.rows[job_id]
        number = len(row)
        data = {"step": number, "steps": 1000, "percent": number / 10, "pid": 4711, "worker": "w1"}
        row.append(Event(number, "progress", {**data, "at": time.monotonic()}))

    def close(self) -> None: ...


class Anybody(Access):
    """Everybody is ann."""

    def user(self, fields: Mapping[str, str], query: Mapping[str, str], job_id: str = "") -> str | None:
        return "ann"


class QueueStream:
    """One of Channels' streams whose bytes an async generator takes."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue()

    def send(self, data: bytes) -> None:
        self.queue.put_nowait(data)

    def finish(self) -> None:
        self.queue.put_nowait(None)


async def ours(settings: Settings, store: Store, listener: socket.socket) -> None:
    feed = Feed(store, settings)
    await StreamServer(settings, store, Gate(store, Anybody(settings)), feed).serve(listener)


async def starlette(settings: Settings, store: Store, listener: socket.socket) -> None:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import StreamingResponse
    from starlette.routing import Route

    channels = Channels(Feed(store, settings), asyncio.get_running_loop())

    async def events(job_id: str, after: int) -> AsyncIterator[bytes]:
        stream = QueueStream()
        channels.join(stream, job_id, after)
        try:
            yield b"retry: 1500\n\n"
            while (data := await stream.queue.get()) is not None:
                yield data
        finally:
            channels.leave(stream)

    async def answer(request: Request) -> StreamingResponse:
        after = int(request.headers.get("last-event-id", "-1"))
        fields = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(
            events(request.path_params["job_id"], after), media_type="text/event-stream", headers=fields
        )

    app = Starlette(routes=[Route("/api/jobs/{job_id}/stream", answer)])
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", backlog=4096)
    await uvicorn.Server(config).serve([listener])


def _obey(store: MemoryStore, settings: Settings) -> None:
    for line in sys.stdin:
        word, _, value = line.strip().partition(" ")
        if word == "put":
            for _ in range(int(value)):
                for job in store.rows:
                    store.put(job)
                    ring(settings, job)
                    time.sleep(PACE_S)
            print("put", flush=True)
        elif word == "cpu":
            print("cpu", time.process_time(), flush=True)


def main() -> None:
    kind, jobs, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    raise_files()
    settings = Settings(
        database=f"sqlite:///{folder}/none.db",
        folder=folder,
        hosts=("jobs.test",),
        streams_per_user=100_000,
        heartbeat_s=3600,
    )
    store = MemoryStore(jobs)
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    print("port", listener.getsockname()[1], flush=True)
    threading.Thread(target=_obey, args=(store, settings), daemon=True).start()
    serve: Any = {"ours": ours, "starlette": starlette}[kind]
    asyncio.run(serve(settings, store, listener))


if __name__ == "__main__":
    main()
