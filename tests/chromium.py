"""A headless Chromium, driven over the pipe of its DevTools protocol: which requests went out, what came from where.

No port is opened and no WebSocket spoken: messages are JSON with a NUL behind each, over two file descriptors.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

PATIENCE_S = 60.0


class Loaded(NamedTuple):
    """One resource as DevTools tells of it: `from_cache`: its Size column says (memory cache) or (disk cache)."""

    url: str
    status: int
    from_cache: bool


class Chromium:
    """One tab. `close` ends the browser; use `chromium(...)`."""

    def __init__(
        self, program: str, profile: Path, hosts: Mapping[str, int], options: Sequence[str] = ()
    ) -> None:
        ours, theirs = os.pipe(), os.pipe()
        rules = ", ".join(
            [
                *(
                    f"MAP {host} 127.0.0.1:{port}" if port else f"EXCLUDE {host}"
                    for host, port in hosts.items()
                ),
                "MAP * ~NOTFOUND",
            ]
        )
        words = [
            program,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--no-proxy-server",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,Translate,MediaRouter",
            f"--user-data-dir={profile}",
            f"--host-resolver-rules={rules}",
            *options,
            "--remote-debugging-pipe",
            "about:blank",
        ]
        # The browser reads at 3 and writes at 4.
        self._pid = os.posix_spawn(
            program,
            words,
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, ours[0], 3),
                (os.POSIX_SPAWN_DUP2, theirs[1], 4),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            ],
        )
        os.close(ours[0])
        os.close(theirs[1])
        self._to, self._from = ours[1], theirs[0]
        self._buffer = b""
        self._number = 0
        self._session = ""
        self._seen: list[dict[str, Any]] = []
        self._target = ""
        self.new_tab()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command and its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE_S
        while True:
            told = self._next(deadline)
            if told.get("id") == self._number:
                if "error" in told:
                    raise RuntimeError(f"{method}: {told['error']}")
                result: dict[str, Any] = told["result"]
                return result
            self._seen.append(told)

    def new_tab(self) -> None:
        """Close the tab and open another: what its process had in memory is gone, the cache on the disk is not."""
        self._session, old = "", self._target
        self._target = self.call("Target.createTarget", url="about:blank")["targetId"]
        if old:
            self.call("Target.closeTarget", targetId=old)
        self._session = self.call("Target.attachToTarget", targetId=self._target, flatten=True)["sessionId"]
        self.call("Network.enable")
        self.call("Page.enable")

    def visit(self, url: str) -> list[Loaded]:
        """Go to a page and wait until it and all its files are there."""
        return self._loading("Page.navigate", url=url)

    def reload(self) -> list[Loaded]:
        """The same page again, as with F5."""
        return self._loading("Page.reload")

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page, as JSON has it; of a promise, what it comes to.

        Raises RuntimeError with what it threw.
        """
        told = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in told:
            raise RuntimeError(str(told["exceptionDetails"]))
        return told["result"].get("value")

    def wait_until(self, expression: str, timeout_s: float = PATIENCE_S) -> Any:
        """Until the expression is true in the page; its value. Raises AssertionError."""
        deadline = time.monotonic() + timeout_s
        while not (value := self.evaluate(expression)):
            assert time.monotonic() < deadline, f"not in {timeout_s} s: {expression}"
            time.sleep(0.02)
        return value

    def screenshot(self, path: Path) -> None:
        """What the tab looks like, as PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def _loading(self, method: str, **parameters: Any) -> list[Loaded]:
        self._seen.clear()
        self.call(method, **parameters)
        deadline = time.monotonic() + PATIENCE_S
        while not any(e.get("method") == "Page.loadEventFired" for e in self._seen):
            self._seen.append(self._next(deadline))
        return list(self._told())

    def _told(self) -> Iterator[Loaded]:
        urls: dict[str, str] = {}
        cached: set[str] = set()
        statuses: dict[str, int] = {}
        for event in self._seen:
            about = event.get("params", {})
            if event.get("method") == "Network.requestWillBeSent":
                urls[about["requestId"]] = about["request"]["url"]
            elif event.get("method") == "Network.requestServedFromCache":
                cached.add(about["requestId"])
            elif event.get("method") == "Network.responseReceived":
                statuses[about["requestId"]] = about["response"]["status"]
                if about["response"].get("fromDiskCache"):
                    cached.add(about["requestId"])
        for number, url in urls.items():
            yield Loaded(url, statuses.get(number, 0), number in cached)

    def _next(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._from], [], [], left)[0]:
                raise TimeoutError(f"the browser said nothing for {PATIENCE_S} s")
            data = os.read(self._from, 65536)
            if not data:
                raise RuntimeError("the browser has ended")
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        told: dict[str, Any] = json.loads(message)
        return told

    def close(self) -> None:
        """End the browser, and wait for it."""
        with contextlib.suppress(OSError, RuntimeError, TimeoutError):
            self._session = ""
            self.call("Browser.close")
        os.close(self._to)
        os.close(self._from)
        deadline = time.monotonic() + 10
        while os.waitpid(self._pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > deadline:
                os.kill(self._pid, signal.SIGKILL)
                os.waitpid(self._pid, 0)
                return
            time.sleep(0.01)


@contextlib.contextmanager
def chromium(
    program: str, profile: Path, hosts: Mapping[str, int], options: Sequence[str] = ()
) -> Iterator[Chromium]:
    """A browser that finds only these hosts, each at a port of this machine; port 0: at the port of the URL."""
    browser = Chromium(program, profile, hosts, options)
    try:
        yield browser
    finally:
        browser.close()
