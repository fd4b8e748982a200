"""DNS messages over real sockets: UDP, TCP, TLS (RFC 7858) and HTTPS (RFC 8484).

Four functions, one shape: a socket address and the bytes of a question in, a `Reply` out. They block for at
most `timeout` seconds and never raise for what a peer or the network does. `clock` stamps the reply; the
waiting itself is real time, because a sandbox may move its clock while an answer is on its way.
"""

from __future__ import annotations

from labctl.dns_transport.datagram import udp
from labctl.dns_transport.over_https import https
from labctl.dns_transport.stream import tcp, tls

__all__ = ["https", "tcp", "tls", "udp"]
