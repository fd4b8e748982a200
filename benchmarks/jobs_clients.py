"""Many streams in one process, read with epoll and no library: `jobs_clients.py PORT STREAMS JOBS` (a child).

It opens STREAMS streams of the jobs k0, k1 .. in turn and says "open"; `until N` is answered with "at N" once N events
came in all; `end` with JSON: events, how many streams did not have the ids 0, 1, 2 .., and milliseconds from the
writing (`at` in the data, in seconds of the monotonic clock) to here of one stream in twenty.
"""

from __future__ import annotations

import json
import re
import resource
import selectors
import socket
import sys
import time

_AT_ONCE = 100
_SAMPLED = 20
_EVENT = re.compile(rb"^id: ?(\d+)$", re.M)
_AT = re.compile(rb'"at": ?([0-9.]+)')


class Stream:
    def __init__(self, port: int, job: str, sampled: bool) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        request = (
            f"GET /api/jobs/{job}/stream HTTP/1.1\r\nHost: jobs.test\r\nAccept: text/event-stream\r\n\r\n"
        )
        self.socket.sendall(request.encode())
        self.socket.setblocking(False)
        self.rest = b""
        self.opened = False
        self.next = 0
        self.wrong = 0
        self.sampled = sampled

    def read(self, waited: list[float]) -> int:
        """How many events are complete now."""
        data = self.socket.recv(262_144)
        now = time.monotonic()
        if not data:
            raise ConnectionError(f"a stream ended after {self.next} events")
        if not self.opened and b"retry:" in self.rest + data:
            self.opened = True
        whole, found, self.rest = (self.rest + data).rpartition(b"\n\n")
        if not found:
            return 0
        ids = [int(number) for number in _EVENT.findall(whole)]
        for number in ids:
            if number != self.next:
                self.wrong += 1
            self.next = number + 1
        if self.sampled:
            waited += [(now - float(at)) * 1000 for at in _AT.findall(whole)]
        return len(ids)


def main() -> None:
    port, number, jobs = map(int, sys.argv[1:])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    selector = selectors.DefaultSelector()
    streams: list[Stream] = []
    waited: list[float] = []
    events = 0

    def read(timeout_s: float) -> bool:
        """False when the parent has something to say."""
        nonlocal events
        for key, _ in selector.select(timeout_s):
            if key.data is None:
                return False
            events += key.data.read(waited)
        return True

    for first in range(0, number, _AT_ONCE):
        batch = [
            Stream(port, f"k{n % jobs}", n % _SAMPLED == 0)
            for n in range(first, min(first + _AT_ONCE, number))
        ]
        streams += batch
        for stream in batch:
            selector.register(stream.socket, selectors.EVENT_READ, stream)
        while not all(stream.opened for stream in batch):
            read(10)
    print("open", flush=True)
    selector.register(sys.stdin, selectors.EVENT_READ, None)
    until = 0
    while True:
        if until and events >= until:
            print("at", events, flush=True)
            until = 0
        if read(60):
            continue
        word, _, value = sys.stdin.readline().strip().partition(" ")
        if word == "until":
            until = int(value)
        else:
            break
    told = {
        "events": events,
        "wrong": sum(bool(stream.wrong) for stream in streams),
        "shortest": min(stream.next for stream in streams),
        "waited_ms": waited,
    }
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
