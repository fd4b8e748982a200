"""One question and its answer over UDP (RFC 1035 section 4.2.1), heard as RFC 5452 section 9 asks.

Every question has a socket of its own, so the kernel picks a fresh random port. Datagrams that are not the
answer (another source, id or question) do not end the waiting: they are kept as strays.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable

from labctl.dns_transport.failures import Deadline, SocketAddress, failure_of, resolve_numeric
from labctl.internet import Failure, Reply, Stray

# linux/in.h and linux/in6.h; the socket module names them only from Python 3.14 on.
_IP_RECVERR = 11
_IPV6_RECVERR = 25
# A flood of forged answers must not fill the memory; what is kept is enough to show it.
_STRAYS_KEPT = 16
# Rcodes with which a server may answer without repeating the question: it could not, or would not, read it.
_MAY_OMIT_QUESTION = {1, 2, 4, 5}  # FORMERR SERVFAIL NOTIMP REFUSED


def udp(address: SocketAddress, wire: bytes, *, timeout: float, clock: Callable[[], float]) -> Reply:
    """Send one datagram and listen until the matching answer, an ICMP error, or `timeout` seconds.

    `address` is an IP address and a port. A port that nobody listens on shows as the failure "refused".
    """
    strays: list[Stray] = []
    dropped = 0
    deadline = Deadline(timeout)
    sent_at = clock()
    answer: bytes | None = None
    failure: Failure = ""
    detail = ""
    try:
        family, peer = resolve_numeric(address, socket.SOCK_DGRAM)
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            hears_everyone = _want_icmp_errors(sock, family)
            if not hears_everyone:
                sock.connect(peer)
            sent_at = clock()
            if hears_everyone:
                sock.sendto(wire, peer)
            else:
                sock.send(wire)
            while answer is None:
                sock.settimeout(deadline.left())
                datagram, source = sock.recvfrom(65535)
                why = _not_the_answer(wire, datagram, peer, source)
                if not why:
                    answer = datagram
                elif len(strays) < _STRAYS_KEPT:
                    strays.append(Stray(_shown(source), datagram, why))
                else:
                    dropped += 1
    except OSError as error:
        # Windows tells an ICMP port unreachable on a UDP socket as a reset.
        failure, detail = failure_of(error)
        if failure == "reset":
            failure = "refused"
    if strays and failure:
        heard = f"{len(strays) + dropped} datagrams came that were not the answer"
        detail = f"{detail}; {heard}" if detail else heard
    return Reply(answer, sent_at, clock(), "udp", failure, detail, tuple(strays))


def _want_icmp_errors(sock: socket.socket, family: socket.AddressFamily) -> bool:
    """Whether this socket, left unconnected, hears of ICMP errors.

    A connected socket hears of them everywhere, but the kernel then hides datagrams from other sources. Linux
    gives both with RECVERR, Windows by default. Elsewhere the error matters more: a server that is not there
    is met every day, an answer from another source hardly ever.
    """
    if sys.platform == "win32":
        return True
    if not sys.platform.startswith("linux"):
        return False
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
    except OSError:
        return False
    return True


def _not_the_answer(query: bytes, datagram: bytes, peer: tuple[str, int], source: tuple[str, int]) -> str:
    """Why this datagram is not the answer to `query`; "" when it is.

    Something with our id that cannot be read any further is handed on: garbage from the right server is
    evidence about that server, and the reader of messages says what is wrong with it.
    """
    if source[:2] != peer[:2]:
        return f"it came from {_shown(source)}, not from {_shown(peer)}"
    if datagram[:2] != query[:2]:
        return f"its id is 0x{datagram[:2].hex() or '(none)'}, the question's is 0x{query[:2].hex()}"
    if len(datagram) < 12:
        return ""
    if not datagram[2] & 0x80:
        return "it is a question, not an answer (QR is 0)"
    if datagram[4:6] == b"\0\0" and datagram[3] & 0x0F in _MAY_OMIT_QUESTION:
        return ""
    asked, repeated = _question(query), _question(datagram)
    if asked is not None and repeated is not None and asked != repeated:
        return "it answers another question"
    return ""


def _question(message: bytes) -> tuple[bytes, bytes] | None:
    """Name (lower case) and type with class of the first question; None when it cannot be read.

    Bytes, without a DNS library. Type and class stay as they are: the type HTTPS is 65, the letter A.
    """
    at = 12
    while at < len(message) and message[at]:
        if message[at] > 63:
            return None
        at += 1 + message[at]
    end = at + 5
    if end > len(message):
        return None
    return message[12:at].lower(), message[at:end]


def _shown(address: tuple[str, int]) -> str:
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
