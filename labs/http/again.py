"""The same resource asked again in other ways: without content, on a condition, in part; and what a server refuses."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Hue, Measure, Row, Verdict
from labctl.fetch.exchange import Answer
from labctl.protocols.http1 import Fields, get, get_all, without
from labs.http.claims import CONDITIONAL, FIELDS, HEAD_AND_RANGES, HOST
from labs.http.peer import Desk, Peer
from labs.http.telling import measured, table
from labs.http.words import count, http_bytes, shortened, size, status_line

PART = 100
# What the two sites at one address are called, and where what an application got can be read.
SITE, OTHER, ECHO = "www.shop.test", "shop.test", "http://api.shop.test/echo"


class _Asking:
    """One connection to the origin after the other, as few as it allows."""

    def __init__(self, desk: Desk, peer: Peer, first: Answer) -> None:
        self._desk = desk
        self._peer = peer
        self._keeps = first.keep_alive
        self._own: list[Peer] = []
        self.requests = self.connections = 1

    def ask(self, *, method: str = "GET", fields: Fields) -> Answer:
        """Raises Unreached."""
        if not self._keeps:
            self._peer = self._desk.reach(self._peer.url)
            self._own.append(self._peer)
            self.connections += 1
        answer = self._peer.ask(method=method, fields=fields, limits=self._desk.limits)
        self._keeps = answer.keep_alive
        self.requests += 1
        return answer

    def close(self) -> None:
        for peer in self._own:
            peer.close()


def ask(desk: Desk, peer: Peer, first: Answer, fields: Fields, *, everything: bool) -> Iterator[Event]:
    """`everything`: also what is asked of other sites of the town. Raises Unreached."""
    asking = _Asking(desk, peer, first)
    try:
        rows, verdicts, measures = _of_this(asking, first, fields, ours=everything)
    finally:
        asking.close()
    if everything:
        for more, verdict in (_hosts(desk), _fields(desk)):
            rows += more
            verdicts.append(verdict)
    used = f"{count(asking.requests, 'request')}, {count(asking.connections, 'connection')}"
    columns = ("request", "status", "content", "")
    yield table("again", "Asked again, in other ways", columns, rows, note="" if everything else used)
    yield from measures
    yield from verdicts


def _of_this(
    asking: _Asking, first: Answer, fields: Fields, *, ours: bool
) -> tuple[list[Row], list[Verdict], list[Measure]]:
    """The same resource: without its content, on a condition, in part. `ours`: this server should do all of that."""
    head = asking.ask(method="HEAD", fields=fields)
    rows = [_row("HEAD", head, "the same fields, no content")]
    verdicts: list[Verdict] = []
    measures: list[Measure] = []
    tag, date = get(first.fields, "ETag"), get(first.fields, "Last-Modified")
    if tag or date:
        name, value = ("If-None-Match", tag) if tag else ("If-Modified-Since", date)
        match = asking.ask(fields=(*fields, (name, value or "")))
        said = "yours is still right" if match.status == 304 else "sent once more"
        rows.append(_row(shortened(f"{name}: {value}"), match, said))
        if tag:
            verdicts.append(_conditional(first, match, ours=ours))
        got, whole = match.body_bytes, first.body_bytes
        kept = "none" if not got else "all" if got == whole else "part"
        measures.append(measured("http.304.content", kept, f"Of the content came: {kept}."))
        came = http_bytes(match)
        said = f"The answer to the condition had {size(came)}."
        measures.append(measured("http.304.bytes", came, said, "B"))
    if not tag:
        verdicts.append(CONDITIONAL.not_seen("The response has no ETag to ask with."))
    plain = without(fields, "Accept-Encoding")
    part = asking.ask(fields=(*plain, ("Range", f"bytes=0-{PART - 1}")))
    said = get(part.fields, "Content-Range") or "all of it: Range is ignored"
    rows.append(_row(f"Range: bytes=0-{PART - 1}", part, said))
    verdicts.append(_head_and_ranges(first, head, part, ours=ours))
    return rows, verdicts, measures


def _row(label: str, answer: Answer, said: str) -> Row:
    status = status_line(answer)
    hue: Hue = "bad" if answer.failure else "warn" if answer.status >= 400 else "ok"
    return Row(
        text=f"{label}: {status}, {size(answer.body_bytes)} of content, {said}.",
        cells=(label, str(answer.status or answer.failure), size(answer.body_bytes), said),
        hues=("", hue, "", "mute"),
    )


def _conditional(first: Answer, second: Answer, *, ours: bool) -> Verdict:
    saved = f"{size(http_bytes(first))} the first time, {size(http_bytes(second))} the second"
    if second.status == 304:
        return CONDITIONAL.judged(second.body_bytes == 0, f"304 without content: {saved}.")
    if not ours or second.failure:
        return CONDITIONAL.not_seen(f"This server answered {status_line(second)}, with the content again.")
    return CONDITIONAL.judged(
        False, f"The tag was the current one, and the answer was {second.status}: {saved}."
    )


def _head_and_ranges(first: Answer, head: Answer, part: Answer, *, ours: bool) -> Verdict:
    length = get(head.fields, "Content-Length") or "no length"
    told = f"HEAD: {head.status}, {length} announced and {size(head.body_bytes)} sent."
    ranged = f"Range: {part.status}, {size(part.body_bytes)}."
    if head.failure or head.status != first.status:
        return HEAD_AND_RANGES.not_seen(f"HEAD was answered by {status_line(head)}.")
    right = head.body_bytes == 0 and part.status == 206 and part.body_bytes <= PART
    if not right and not ours:
        return HEAD_AND_RANGES.not_seen(f"This server gives no parts of this resource. {told} {ranged}")
    return HEAD_AND_RANGES.judged(right, f"{told} {ranged}")


def _hosts(desk: Desk) -> tuple[list[Row], Verdict]:
    """Two names at one address, and none. The second connection goes to the address of the first."""
    with desk.reach(f"http://{SITE}/") as peer:
        one = peer.ask()
        other = peer.ask(fields=(("Host", OTHER),))
        address = peer.connected.address
    with desk.reach(f"http://{SITE}/") as peer:
        none = peer.ask(raw=b"GET / HTTP/1.1\r\nUser-Agent: labctl\r\n\r\n")
    rows = [
        _row(f"Host: {SITE}", one, address),
        _row(f"Host: {OTHER}", other, "another site at the same address"),
        _row("no Host", none, "which site?" if none.status == 400 else "somebody's site"),
    ]
    apart = one.status != other.status or one.body != other.body
    held = apart and none.status == 400
    return rows, HOST.judged(
        held,
        f"At {address}, {SITE} answered {one.status}, {OTHER} {other.status}, and without Host it was {none.status}.",
    )


def _fields(desk: Desk) -> tuple[list[Row], Verdict]:
    """Two lines of one name each way; what the application got is in its echo."""
    import json

    with desk.reach(ECHO) as peer:
        echo = peer.ask(fields=(("X-Lab", "a"), ("x-lab", "b")))
        cookies = peer.ask("/cookies/set?a=1&b=2")
    try:
        got = json.loads(echo.body).get("combined", {}).get("x-lab", "")
    except (ValueError, AttributeError):
        got = ""
    lines = get_all(cookies.fields, "Set-Cookie")
    rows = [
        _row(
            "X-Lab: a, x-lab: b",
            echo,
            f"the application got {got!r}" if got else "the application got neither",
        ),
        _row("two cookies, please", cookies, f"{count(len(lines), 'Set-Cookie line')}"),
    ]
    return rows, FIELDS.judged(
        got == "a, b" and len(lines) == 2,
        f"X-Lab in two lines, in two cases, was {got!r} to the application; "
        f"two cookies came in {count(len(lines), 'line')}.",
    )
