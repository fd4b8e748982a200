"""How a client learns that a site speaks HTTP/3: from an answer over TCP, or from the DNS before that."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Row
from labctl.internet import Internet
from labctl.protocols.http1 import get
from labctl.protocols.http_field_values import announces_http3
from labs.http.claims import ALT_SVC
from labs.http.peer import Desk
from labs.telling import about, measured, opening, result, table

HOST, APEX = "www.shop.test", "shop.test"


def show(desk: Desk) -> Iterator[Event]:
    yield opening("who says that there is HTTP/3", "two places")
    records = {name: _https_record(desk.internet, name) for name in (APEX, HOST)}
    with desk.reach(f"https://{HOST}/") as peer:
        answer = peer.ask()
    field = get(answer.fields, "Alt-Svc") or ""
    rows = [
        Row(
            text=f"The DNS, HTTPS record of {name}: {text or 'none'}.",
            cells=("before", f"{name} HTTPS", ",".join(_alpn(text)) or "none", _ways(text)),
            hues=("", "accent", "ok" if "h3" in text else "mute", "mute"),
        )
        for name, text in records.items()
    ]
    rows.append(
        Row(
            text=f"An answer over TCP, Alt-Svc of {HOST}: {field or 'none'}.",
            cells=("after", f"{HOST} Alt-Svc", field or "none", _after(field)),
            hues=("", "accent", "ok" if "h3" in field else "mute", "mute"),
        )
    )
    yield table("announced", "Where it is said", ("when", "asked", "it says", "so a client"), rows)
    yield about("h3", "HTTP/3 over QUIC, on UDP. ma is how many seconds Alt-Svc may be believed.")
    yield about("first", f"A first visit to {HOST} is over TCP: its record names {_named(records[HOST])}.")
    yield measured("http.alt_svc", field or "none", f"Alt-Svc says {field or 'nothing'}.")
    in_dns, in_answer = "h3" in _alpn(records[APEX]), announces_http3(field)
    yield ALT_SVC.judged(
        in_dns and in_answer,
        f"The HTTPS record of {APEX} names {_named(records[APEX])}; Alt-Svc of {HOST} says {field or 'nothing'}.",
    )
    if in_dns and in_answer:
        yield result(
            "Browsers wait for an announcement, though RFC 9114 lets them try: UDP is often blocked."
        )


def _https_record(internet: Internet, name: str) -> str:
    """The service parameters as the DNS writes them, "" without a record."""
    import dns.exception
    import dns.flags
    import dns.message

    import labctl.protocols.dns_import  # noqa: F401  (before dnspython is imported in any other way)

    query = dns.message.make_query(f"{name}.", "HTTPS")
    query.flags |= dns.flags.RD
    for resolver in internet.resolvers[:1]:
        reply = internet.ask(resolver, query.to_wire(), timeout=3.0)
        if reply.wire is None:
            return ""
        try:
            message = dns.message.from_wire(reply.wire)
        except dns.exception.DNSException:
            return ""
        return next((r.to_text() for rrset in message.answer for r in rrset if r.rdtype == 65), "")
    return ""


def _alpn(record: str) -> list[str]:
    for word in record.split():
        if word.startswith("alpn="):
            return word.removeprefix("alpn=").strip('"').split(",")
    return []


def _named(record: str) -> str:
    return " and ".join(_alpn(record)) or "no protocol"


def _ways(record: str) -> str:
    if not record:
        return "starts with TCP"
    return "may start with QUIC" if "h3" in _alpn(record) else "starts with TCP"


def _after(field: str) -> str:
    return "may use QUIC the next time" if "h3" in field else "stays with TCP"
