"""A dictionary in another process, behind a socket: the least that such a store costs, where there is no Redis."""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping

from labctl import children

# The other process: a line is a key, and a line is its value. It ends when our end of the socket is closed.
_SERVE = """
import socket, sys
kept = dict(zip(sys.argv[2::2], sys.argv[3::2]))
with socket.socket(fileno=int(sys.argv[1])) as theirs:
    asked = b""
    while data := theirs.recv(4096):
        asked += data
        while b"\\n" in asked:
            key, _, asked = asked.partition(b"\\n")
            theirs.sendall(kept.get(key.decode(), "").encode() + b"\\n")
"""


class BehindSocket:
    """Keeps a few values in a process of its own, for one client at the other end of a socket pair."""

    def __init__(self, kept: Mapping[str, str]) -> None:
        self._ours, theirs = socket.socketpair()
        self._ours.settimeout(5.0)
        words = [word for pair in kept.items() for word in pair]
        with theirs:
            number = theirs.fileno()
            self._process = children.start(
                [sys.executable, "-I", "-S", "-c", _SERVE, str(number), *words], pass_fds=(number,)
            )

    def get(self, key: str) -> str:
        """The value of a key; "" for one that is not there."""
        self._ours.sendall(key.encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            more = self._ours.recv(4096)
            if not more:
                raise ConnectionError("the process that keeps the values has ended")
            answer += more
        return answer.decode().rstrip("\n")

    def close(self) -> None:
        """End the process."""
        self._ours.close()
        children.end(self._process)
