"""Who asks: requests at their moments, each on a connection and in a thread of its own."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from labctl.serving.asking import Address, Answer, ask
from labs.workers.plan import Request, label_of

# Said with each request, so that what the server tells can be matched with what was asked.
MARK = "X-Labctl-Request"


class Asked(NamedTuple):
    """A request on its way. Nanoseconds of the monotonic clock; `answer` is None until there is one."""

    request: Request
    sent_ns: int
    done_ns: int = 0
    answer: Answer | None = None

    @property
    def answered(self) -> bool:
        """Whether a whole response with a status 2xx or 3xx came."""
        return self.answer is not None and not self.answer.failure and 200 <= self.answer.status < 400

    @property
    def got(self) -> str:
        """`200`, or `no answer`: what is counted."""
        whole = self.answer is not None and not self.answer.failure and self.answer.status
        return str(self.answer.status) if whole and self.answer else "no answer"

    @property
    def took_ms(self) -> float:
        """From sending to the end of the answer; 0 while there is none."""
        return max(0.0, (self.done_ns - self.sent_ns) / 1e6)


class Clients:
    """All requests of a plan. A context manager: at its end, nobody waits for an answer any more."""

    def __init__(self, address: Address, requests: Sequence[Request], *, patience_s: float = 90.0) -> None:
        self._address, self._patience_s = address, patience_s
        self._requests = tuple(requests)
        self._asked: dict[str, Asked] = {}
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self.began_ns = 0
        self._threads = [
            threading.Thread(target=self._ask, args=(each,), name=f"client {each.label}", daemon=True)
            for each in self._requests
        ]

    def start(self) -> None:
        """The first moment is now, or a little later when there are many."""
        self.began_ns = time.monotonic_ns() + len(self._threads) * 100_000
        for thread in self._threads:
            thread.start()

    def _ask(self, request: Request) -> None:
        left = (self.began_ns - time.monotonic_ns()) / 1e9 + request.after_ms / 1000
        if self._ending.wait(max(0.0, left)):
            return
        sent = Asked(request, time.monotonic_ns())
        with self._lock:
            self._asked[request.label] = sent
        answer = ask(
            self._address, request.target, fields=((MARK, request.label),), timeout_s=self._patience_s
        )
        with self._lock:
            self._asked[request.label] = sent._replace(done_ns=time.monotonic_ns(), answer=answer)

    def asked(self) -> list[Asked]:
        """Those that were sent until now, in the order of the plan."""
        with self._lock:
            return [self._asked[each.label] for each in self._requests if each.label in self._asked]

    @property
    def finished(self) -> bool:
        """Whether every request has its answer, or failed."""
        with self._lock:
            done = sum(1 for each in self._asked.values() if each.answer is not None)
        return done == len(self._requests)

    def wait(self, seconds: float = 60.0) -> list[Asked]:
        """All of them, when they are done; long, because a machine may be busy."""
        end = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        return self.asked()

    def __enter__(self) -> Clients:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        if self.finished:
            self.wait(2.0)


def said(answer: Answer | None) -> dict[str, Any]:
    """What the lab's own application says in its JSON; nothing when it says none."""
    if answer is None or answer.status != 200:
        return {}
    try:
        found = json.loads(answer.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def many(target: str, count: int, *, apart_ms: float = 0.0) -> tuple[Request, ...]:
    """`count` requests for the same thing, `apart_ms` after one another; the target gets `request=LABEL`."""
    joint = "&" if "?" in target else "?"
    labels = [label_of(number) for number in range(count)]
    return tuple(
        Request(label, f"{target}{joint}request={label}", apart_ms * number, 0.0)
        for number, label in enumerate(labels)
    )
