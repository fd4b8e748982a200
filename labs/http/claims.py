"""The claims of the http lab. Each is a sentence that a run can refute, and names the fault that does."""

from __future__ import annotations

from labctl.events import Claim

MESSAGE = Claim(
    "http.message",
    "A message means the same as text in HTTP/1.1 and as binary frames in HTTP/2: start line, fields, content.",
    source="RFC 9110 section 6, RFC 9112 section 2.1, RFC 9113 section 8.1",
    broken_by="h2-loses-fields",
    shown_by=("--http2",),
)
HOST = Claim(
    "http.host",
    "One address serves many sites: the Host field says which, and HTTP/1.1 without it is refused with 400.",
    source="RFC 9112 section 3.2, RFC 9110 section 7.2",
    broken_by="host-not-needed",
)
FRAMING = Claim(
    "http.framing",
    "Content-Length, chunks or the close say where a message ends; both lengths at once are refused.",
    source="RFC 9112 sections 6.1 and 6.3 (it lets a recipient choose; only refusing is safe)",
    broken_by="both-lengths-taken",
    shown_by=("--show", "framing"),
)
FIELDS = Claim(
    "http.fields",
    "Field names have no case, and lines of one name are one list with commas; Set-Cookie lines never are.",
    source="RFC 9110 sections 5.1, 5.2 and 5.3, RFC 6265 section 3",
    broken_by="cookies-joined",
)
IDEMPOTENT = Claim(
    "http.idempotent",
    "A client repeats a GET when the connection dies, and no POST: that may have been done already.",
    source="RFC 9110 section 9.2.2, RFC 9112 section 9.3.1",
    broken_by="post-repeated",
    shown_by=("--show", "retry"),
)
REDIRECTS = Claim(
    "http.redirects",
    "A POST becomes a GET at 303, and at 301 and 302 by habit; 307 and 308 keep method and content.",
    source="RFC 9110 sections 15.4.2 to 15.4.9 (301 and 302: the client may)",
    broken_by="redirects-always-get",
    shown_by=("--show", "redirects"),
)
KEEP_ALIVE = Claim(
    "http.keep-alive",
    "A connection of HTTP/1.1 stays open until one side says close: the next request saves TCP and TLS.",
    source="RFC 9112 sections 9.3 and 9.6",
    broken_by="closes-always",
    shown_by=("--show", "keep-alive"),
)
TWO_WRITES = Claim(
    "http.two-writes",
    "A server that writes head and content apart, with Nagle's rule on, loses some 40 ms a response.",
    source="RFC 9293 section 3.7.4, RFC 1122 section 4.2.3.2; 40 ms is Linux's TCP_DELACK_MIN",
    broken_by="server-sends-at-once",
    kind="measured",
    shown_by=("--show", "two-writes"),
)
MULTIPLEXING = Claim(
    "http.multiplexing",
    "HTTP/2 sends many requests over one connection, and one lost segment of TCP holds all of them up.",
    source="RFC 9113 section 5, RFC 9000 section 1 and RFC 9114 section 2 (why HTTP/3 is not on TCP)",
    broken_by="connection-for-each",
    shown_by=("--show", "multiplexing"),
)
CONDITIONAL = Claim(
    "http.conditional",
    "A request with If-None-Match and the current ETag is answered by 304, without content.",
    source="RFC 9110 sections 13.1.2 and 15.4.5",
    broken_by="conditions-ignored",
)
HEAD_AND_RANGES = Claim(
    "http.head-and-ranges",
    "HEAD gives the fields without the content; Range gives the part that it names, as 206.",
    source="RFC 9110 sections 9.3.2, 14.2 and 15.3.7 (a server may ignore Range)",
    broken_by="ranges-ignored",
)
COOKIES = Claim(
    "http.cookies",
    "A client brings a cookie back only to the hosts and paths that it was set for; a server must not trust it.",
    source="RFC 6265 sections 5.4 and 8.3",
    broken_by="cookies-everywhere",
    shown_by=("--show", "cookies"),
)
NEGOTIATION = Claim(
    "http.negotiation",
    "Accept-Encoding changes the bytes of a URL, and Vary tells caches: they keep one copy for each.",
    source="RFC 9110 sections 12.5.3 and 12.5.5, RFC 9111 section 4.1",
    broken_by="vary-forgotten",
    shown_by=("--show", "negotiation"),
)
INTERIM = Claim(
    "http.interim",
    "With Expect: 100-continue a client waits for a yes: content that is refused at once is not sent.",
    source="RFC 9110 sections 10.1.1 and 15.2.1, RFC 8297",
    broken_by="client-does-not-wait",
    shown_by=("--show", "interim"),
)
ALT_SVC = Claim(
    "http.alt-svc",
    "HTTP/3 is announced: by Alt-Svc in an answer over TCP, or by an HTTPS record before the first visit.",
    source="RFC 9114 sections 3.1 and 3.1.1 (a client may try without), RFC 7838 section 3, RFC 9460 section 9",
    kind="habit",
    broken_by="http3-not-announced",
    shown_by=("--show", "alt-svc"),
)

CLAIMS = (
    MESSAGE,
    HOST,
    FRAMING,
    FIELDS,
    IDEMPOTENT,
    REDIRECTS,
    KEEP_ALIVE,
    TWO_WRITES,
    MULTIPLEXING,
    CONDITIONAL,
    HEAD_AND_RANGES,
    COOKIES,
    NEGOTIATION,
    INTERIM,
    ALT_SVC,
)
