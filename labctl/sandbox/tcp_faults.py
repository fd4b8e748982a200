"""Faults of connections: named manners of kernels, programs and the wire, each of which refutes one sentence."""

from __future__ import annotations

from labctl.sandbox.town import TcpManners

# name, what is different, and the manners that make it so
TCP_FAULTS: tuple[tuple[str, str, TcpManners], ...] = (
    (
        "ack-rides-on-data",
        "The client keeps the third segment back until it has a request to send along with it.",
        TcpManners(client_holds_first_ack=True),
    ),
    (
        "server-slams",
        "The server ends each connection with RST (SO_LINGER of 0) instead of FIN.",
        TcpManners(server_resets=True),
    ),
    (
        "acknowledges-too-much",
        "Someone beside the server acknowledges bytes that the client has not sent yet.",
        TcpManners(meddler_acknowledges_ahead=True),
    ),
    (
        "server-without-options",
        "The server's kernel knows no SACK, no window scale and no time stamps.",
        TcpManners(
            server_sysctls={
                "net.ipv4.tcp_sack": "0",
                "net.ipv4.tcp_window_scaling": "0",
                "net.ipv4.tcp_timestamps": "0",
            }
        ),
    ),
    (
        "acks-at-once",
        "The server has its kernel acknowledge at once (TCP_QUICKACK) and delays nothing.",
        TcpManners(server_acknowledges_at_once=True),
    ),
    (
        "server-leaves-at-eof",
        "The server takes the client's FIN as a good-bye and closes without its answer.",
        TcpManners(server_leaves_at_end=True),
    ),
    (
        "resets-swallowed",
        "A firewall swallows every RST: a closed port says nothing.",
        TcpManners(swallowed=frozenset({"resets"})),
    ),
    (
        "server-reads-it-all",
        "The server reads all that has come before it closes.",
        TcpManners(server_reads_it_all=True),
    ),
    (
        "duplicate-acks-lost",
        "The wire swallows every acknowledgement that tells of a gap.",
        TcpManners(swallowed=frozenset({"repeated-acks"})),
    ),
    (
        "server-goes-on-talking",
        "The server sends four more lines right behind its answer, so the answer's end is not the last.",
        TcpManners(server_goes_on_talking=True),
    ),
    (
        "syn-waits-double",
        "The client's kernel doubles the wait for a SYN from the start, as before Linux 6.5.",
        TcpManners(client_sysctls={"net.ipv4.tcp_syn_linear_timeouts": "0"}),
    ),
    (
        "receiver-without-dsack",
        "The client's kernel does not tell what it received twice (tcp_dsack is 0).",
        TcpManners(client_sysctls={"net.ipv4.tcp_dsack": "0"}),
    ),
    (
        "no-room-for-time-wait",
        "Neither kernel keeps a connection in TIME-WAIT (tcp_max_tw_buckets is 0).",
        TcpManners(
            client_sysctls={"net.ipv4.tcp_max_tw_buckets": "0"},
            server_sysctls={"net.ipv4.tcp_max_tw_buckets": "0"},
        ),
    ),
    (
        "backlog-cut",
        "The server's kernel cuts every backlog down to nothing (somaxconn is 0).",
        TcpManners(server_sysctls={"net.core.somaxconn": "0"}),
    ),
    (
        "client-nodelay",
        "The client sends every small write at once (TCP_NODELAY).",
        TcpManners(client_sends_at_once=True),
    ),
    (
        "server-reads-to-the-end",
        "The server goes on reading until the request's empty line has come.",
        TcpManners(server_reads_to_the_end=True),
    ),
)
