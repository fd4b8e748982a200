"""A dictionary behind a socket: the least that a store in another process costs, for where there is no Redis."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping


class BehindSocket:
    """Answers one client at the other end of a socket pair, in a thread. A line is a key, a line its value."""

    def __init__(self, kept: Mapping[bytes, bytes]) -> None:
        self._kept = dict(kept)
        self._ours, self._theirs = socket.socketpair()
        self._ours.settimeout(5.0)
        self._thread = threading.Thread(target=self._serve, name="store behind a socket", daemon=True)
        self._thread.start()

    def get(self, key: bytes) -> bytes:
        """The value of a key; b"" for one that is not there."""
        self._ours.sendall(key + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            more = self._ours.recv(4096)
            if not more:
                break
            answer += more
        return answer.rstrip(b"\n")

    def _serve(self) -> None:
        with self._theirs as theirs:
            asked = b""
            while data := theirs.recv(4096):
                asked += data
                while b"\n" in asked:
                    key, _, asked = asked.partition(b"\n")
                    theirs.sendall(self._kept.get(key, b"") + b"\n")

    def close(self) -> None:
        """End the thread."""
        self._ours.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._ours.close()
