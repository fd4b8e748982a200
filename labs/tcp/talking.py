"""What is said to a real target over its connection: one request, its reply, and a close that is not a reset.

Everything within one deadline: `hurry` gives each call what is left of it.
"""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

from labs.tcp.programs import request
from labs.tcp.target import Target

if TYPE_CHECKING:
    from labctl.kernel_view.connection_story import ConnectionStory

# No more of a reply is read than this before we close: the lesson is not a download.
MOST = 200_000
# So much is still thrown away afterwards, so that the close is not a reset of ours.
DRAINED = 2_000_000


def ask(client: socket.socket, target: Target, story: ConnectionStory, deadline: float) -> None:
    """A GET, and its reply until it is whole, or is more than we read, or the time is over (TimeoutError)."""
    from labctl.kernel_view.tcp_info import tcp_info

    asked = request(target.place, target.path).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    hurry(client, deadline)
    client.sendall(asked)
    story.wrote("client", asked)
    story.look(time.time_ns(), "client", tcp_info(client), None)
    read = b""
    while len(read) < MOST and not _is_whole(read):
        hurry(client, deadline)
        some = client.recv(65536)
        if not some:
            break
        read += some
    story.look(time.time_ns(), "client", tcp_info(client), None)


def _is_whole(reply: bytes) -> bool:
    """Whether the reply says that nothing more comes; one that does not say so ends with the connection."""
    head, found, body = reply.partition(b"\r\n\r\n")
    if not found:
        return False
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length" and value.strip().isdigit():
            return len(body) >= int(value.strip()[:12])
        if name == b"transfer-encoding" and b"chunked" in value:
            return body.endswith(b"0\r\n\r\n")
    return False


def drain(client: socket.socket, deadline: float) -> None:
    """Until the other side has finished too: who closes with something unread sends RST instead of FIN."""
    total, end = 0, min(deadline, time.monotonic() + 2.0)
    while total < DRAINED:
        hurry(client, end)
        if not (some := client.recv(65536)):
            return
        total += len(some)


def hurry(client: socket.socket, deadline: float) -> None:
    """The next call may take what is left. Raises TimeoutError when nothing is."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    client.settimeout(left)
