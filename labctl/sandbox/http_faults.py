"""Faults of HTTP messages: each refutes one sentence of the http lab.

Habits of clients are followed by the lab's own clients; those of connections by web_server_h1.py and web_server_h2.py;
`heard` and `said` are what stands between every application of the town and its server.
"""

from __future__ import annotations

from labctl.protocols.http1_fields import get_all, without
from labctl.sandbox.site import SiteAnswer, SiteRequest
from labctl.sandbox.town import Town
from labctl.sandbox.web_fault import WebFault

# Who announces HTTP/3 over TCP, and the line of DNS that does before a first visit.
ANNOUNCES = "www.shop.test"
ALT_SVC = 'h3=":443"; ma=86400'
_RECORD = "shop.test. 300 IN HTTPS 1 . alpn=h3,h2 "


def _without_http3(town: Town) -> Town:
    return town.with_records(
        "shop.test.", lambda line: line.replace("alpn=h3,h2", "alpn=h2") if line.startswith(_RECORD) else line
    )


HTTP_FAULTS: tuple[WebFault, ...] = (
    WebFault(
        "h2-loses-fields",
        "What takes HTTP/2 in front of the applications hands on no field that it does not know.",
        ("h2-loses-fields",),
    ),
    WebFault(
        "host-not-needed",
        "A request that names no host is answered by the server's first site.",
        ("host-not-needed",),
    ),
    WebFault(
        "both-lengths-taken",
        "A server takes requests with Content-Length and Transfer-Encoding, and believes the chunks.",
        ("both-lengths-taken",),
    ),
    WebFault(
        "cookies-joined",
        "Something joins the Set-Cookie lines of a response with commas, as it does with other fields.",
        ("cookies-joined",),
    ),
    WebFault(
        "post-repeated",
        "The client repeats every request whose connection dies, whatever its method.",
        ("post-repeated",),
    ),
    WebFault(
        "redirects-always-get",
        "The client goes on with GET and without content at every redirect.",
        ("redirects-always-get",),
    ),
    WebFault(
        "closes-always",
        "Every server of the town closes the connection after one response.",
        ("closes-always",),
    ),
    WebFault(
        "server-sends-at-once",
        "The server's program has set TCP_NODELAY, so that no small write waits.",
        ("server-sends-at-once",),
    ),
    WebFault(
        "connection-for-each",
        "The client opens a connection of its own for each request of HTTP/2.",
        ("connection-for-each",),
    ),
    WebFault(
        "conditions-ignored",
        "Servers do not look at If-None-Match and send the content again.",
        ("conditions-ignored",),
    ),
    WebFault("ranges-ignored", "Servers do not look at Range and send all of it.", ("ranges-ignored",)),
    WebFault(
        "cookies-everywhere",
        "The client sends every cookie that it has to every host.",
        ("cookies-everywhere",),
    ),
    WebFault("vary-forgotten", "The origin of the shop sends no Vary.", ("vary-forgotten",)),
    WebFault(
        "client-does-not-wait",
        "The client says Expect: 100-continue and sends its content at once all the same.",
        ("client-does-not-wait",),
    ),
    WebFault(
        "http3-not-announced",
        "Neither Alt-Svc nor the HTTPS record of the shop names HTTP/3.",
        ("http3-not-announced",),
        _without_http3,
    ),
)


def heard(request: SiteRequest, habits: frozenset[str]) -> SiteRequest:
    """What an application gets of this request under these habits."""
    fields = request.fields
    if "conditions-ignored" in habits:
        fields = without(fields, "If-None-Match", "If-Modified-Since")
    if "ranges-ignored" in habits:
        fields = without(fields, "Range")
    if "h2-loses-fields" in habits and request.version == "2":
        fields = tuple(pair for pair in fields if not pair[0].lower().startswith("x-"))
    return request if fields is request.fields else request._replace(fields=fields)


def said(answer: SiteAnswer, host: str, scheme: str, habits: frozenset[str]) -> SiteAnswer:
    """What goes out of an application's answer."""
    if host == ANNOUNCES and scheme == "https" and "http3-not-announced" not in habits:
        answer = answer._replace(fields=(*answer.fields, ("Alt-Svc", ALT_SVC)))
    if "cookies-joined" in habits and len(lines := get_all(answer.fields, "Set-Cookie")) > 1:
        joined = (("Set-Cookie", ", ".join(lines)),)
        answer = answer._replace(fields=without(answer.fields, "Set-Cookie") + joined)
    if "vary-forgotten" in habits and host.startswith("origin."):
        answer = answer._replace(fields=without(answer.fields, "Vary"))
    return answer._replace(close=True) if "closes-always" in habits else answer
