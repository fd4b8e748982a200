"""TLS ends at the edge: the same request on both sides of it, as somebody on the way would read it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from labctl.events import Event, Evidence, Exchange, Json, Row, Rows
from labctl.internet import Internet
from labctl.protocols.tcp_segments import Segment
from labctl.protocols.tcp_stream import stream_chunks
from labctl.sandbox.town_internet import TownInternet
from labs.telling import note, opening, result
from labs.tls.claims import TERMINATION
from labs.tls.target import EDGE
from labs.tls.visit import Seen, Visits
from labs.words import count

if TYPE_CHECKING:
    from labctl.packet_capture import PacketCapture

CLIENT, THE_EDGE, ORIGIN = "client", "edge", "origin"
PATH = "/api/cart"
_READABLE, _ENCRYPTED = "readable on the way", "encrypted"


class Leg(NamedTuple):
    """What crossed between edge and origin. Moments in seconds since the client's visit began.

    `chunks` are (moment, sent by the edge, bytes); without a capture there are none, and `scheme` is what the origin
    itself was asked with.
    """

    chunks: list[tuple[float, bool, bytes]]
    evidence: Evidence
    scheme: str
    target: str

    @property
    def request(self) -> bytes:
        """What the edge sent."""
        return b"".join(data for _, sent, data in self.chunks if sent)

    @property
    def lines(self) -> list[str]:
        """The request's head as anybody on the way reads it; [] when it cannot be read."""
        head, end, _ = self.request.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        return lines if end and lines[0].endswith((" HTTP/1.1", " HTTP/1.0")) else []

    @property
    def clear(self) -> bool:
        """Whether the request crossed in the clear."""
        return bool(self.lines) if self.chunks else self.scheme == "http"


def show(internet: Internet) -> Iterator[Event]:
    """One request through the edge of www.shop.test, whose origin has an address of its own."""
    assert isinstance(internet, TownInternet)
    visits = Visits(internet, EDGE._replace(path=PATH))
    web = internet.web()
    web.log.clear()
    with _capture(internet, visits) as capture:
        seen = visits.visit()
        segments = capture.drain(settle_ms=20) if capture is not None else []
    site = web.town.site(EDGE.host)
    origin = web.town.site(site.upstream) if site is not None else None
    reached = next((entry for entry in web.log if origin is not None and entry.site == origin.host), None)
    target = reached.target if reached is not None else PATH
    leg = _captured(segments, origin.addresses if origin is not None else (), seen, target)
    if leg is None and reached is not None:
        at = reached.time - seen.connected.started_at
        leg = Leg([], "observed", reached.scheme, target)
        yield opening("one request, on both sides of the edge", "not captured")
        yield from _arrows(seen, leg, at)
    elif leg is not None and seen.ok:
        yield opening(
            "one request, on both sides of the edge", "readable behind it" if leg.clear else "encrypted"
        )
        yield from _arrows(seen, leg, leg.chunks[0][0])
    else:
        yield opening("one request, on both sides of the edge")
        yield TERMINATION.not_seen("The request did not come through to the origin.")
        return
    yield _both_sides(seen, leg)
    if not leg.chunks:
        yield note(
            "What crossed behind the edge was not captured here; the origin itself said how it was asked."
        )
    yield from _judged(leg)


@contextlib.contextmanager
def _capture(internet: TownInternet, visits: Visits) -> Iterator[PacketCapture | None]:
    """A capture of the internet's side, where edge and origin stand; None where there is no box."""
    network = internet.network
    if not visits.boxed or network is None:
        yield None
        return
    from labctl.packet_capture import PacketCapture

    internet.web()
    with network.on_server():
        capture = PacketCapture("lo", None)
    with capture:
        yield capture


def _captured(segments: list[Segment], addresses: tuple[str, ...], seen: Seen, target: str) -> Leg | None:
    """The connection from the edge to one of these addresses that carried something."""
    for segment in segments:
        if segment.target in addresses and segment.target_port in (80, 443) and segment.payload:
            port = segment.source_port
            mine = [s for s in segments if port in (s.source_port, s.target_port)]
            found, _ = stream_chunks(mine, port)
            chunks = [((at - seen.start_ns) / 1e9, sent, data) for at, sent, data in found]
            return Leg(chunks, "captured", "https" if segment.target_port == 443 else "http", target)
    return None


def _arrows(seen: Seen, leg: Leg, at: float) -> Iterator[Exchange]:
    rows = [row for row in seen.open.rows if row.content and not row.clear]
    asked = next((row for row in rows if row.sent), None)
    came = [row for row in rows if not row.sent and (asked is None or row.at > asked.at)]
    if asked is not None:
        size = asked.record.size
        yield _arrow(
            asked.at,
            CLIENT,
            THE_EDGE,
            f"{{GET {PATH}}}",
            f"a record of {count(size, 'byte')}",
            False,
            seen.evidence,
        )
    first = f"GET {leg.target}" if leg.clear else "{TLS}"
    size = len(leg.request)
    said = f"{count(size, 'byte')}" if size else "its own request"
    yield _arrow(at, THE_EDGE, ORIGIN, first, said, leg.clear, leg.evidence)
    answers = [(moment, data) for moment, sent, data in leg.chunks if not sent]
    if answers:
        moment, data = answers[-1] if not leg.clear else answers[0]
        status = data.split(b"\r\n")[0].decode("latin-1")[:40]
        line = status.removeprefix("HTTP/1.1 ") if leg.clear else "{TLS}"
        size = sum(len(data) for _, data in answers)
        yield _arrow(moment, ORIGIN, THE_EDGE, line, count(size, "byte"), leg.clear, leg.evidence)
    if came:
        size = sum(row.record.size for row in came)
        label = f"{{{seen.answered or 'answer'}}}"
        yield _arrow(
            came[-1].at, THE_EDGE, CLIENT, label, f"records of {count(size, 'byte')}", False, seen.evidence
        )


def _arrow(
    at: float, source: str, target: str, label: str, what: str, clear: bool, evidence: Evidence
) -> Exchange:
    at_ms = round(at * 1000, 3)
    role = _READABLE if clear else _ENCRYPTED
    data: dict[str, Json] = {"readable": clear}
    how = "" if evidence == "captured" else f" ({evidence})"
    return Exchange(
        f"{at_ms:.1f} ms. {source} sends {target} {what}{how}, {role}: {label.strip('{}')}.",
        at_ms,
        source,
        target,
        label,
        role=role,
        hue="warn" if clear else "alt",
        heavy=clear,
        evidence=evidence,
        lanes={CLIENT: "TLS", THE_EDGE: EDGE.host, ORIGIN: "TLS" if not clear and source == ORIGIN else ""},
        data=data,
    )


def _both_sides(seen: Seen, leg: Leg) -> Rows:
    """What somebody reads who stands before the edge, and behind it."""
    record = next((row.record for row in seen.open.rows if row.content and row.sent and not row.clear), None)
    before = _hex(record.header + record.fragment) if record is not None else ""
    behind = repr(leg.request[:16].decode("latin-1"))[1:-1] if leg.clear else _hex(leg.request)
    rows = [("first bytes", before, behind or "not captured")]
    fields = dict(line.split(": ", 1) for line in leg.lines[1:] if ": " in line)
    line = leg.lines[0] if leg.lines else f"GET {leg.target}" if leg.clear else "hidden"
    rows.append(("the request", "hidden", line))
    rows.append(
        (
            "host",
            "hidden, but for SNI",
            fields.get("Host", fields.get("host", "hidden" if not leg.clear else "yes")),
        )
    )
    added = [name for name in fields if name.lower().startswith(("x-forwarded", "cf-", "via", "forwarded"))]
    if added:
        rows.append(("added by the edge", "", ", ".join(added)))
    return Rows(
        "What somebody reads on the way.",
        "tls.both_sides",
        "What is read on the way",
        ("", "before the edge", "behind the edge"),
        tuple(
            Row(
                f"{what}: before the edge {one or 'nothing'}; behind it {two}.",
                (what, one, two),
                hues=("mute", "ok", "warn" if leg.clear else "ok"),
            )
            for what, one, two in rows
        ),
        show_columns=True,
    )


def _hex(data: bytes) -> str:
    return data[:7].hex(" ")


def _judged(leg: Leg) -> Iterator[Event]:
    if leg.clear:
        yield TERMINATION.judged(True, f"Behind the edge GET {leg.target} crossed in the clear.")
        yield result(
            "TLS protects the way to the edge. What lies behind it is the operator's to protect.", "warn"
        )
    else:
        yield TERMINATION.judged(
            False, "Behind the edge only TLS records crossed: the edge is a client of its own."
        )
        yield result("The edge speaks TLS to the origin too: two connections, each with keys of its own.")
