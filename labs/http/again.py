"""The same resource asked again in other ways: without content, on a condition, in part; and what a server refuses."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Hue, Measure, Row, Verdict
from labctl.fetch.exchange import Answer
from labctl.protocols.http1 import Fields, get, get_all, without
from labs.http.claims import CONDITIONAL, FIELDS, FRAMING, HEAD_AND_RANGES, HOST
from labs.http.peer import Desk, Peer
from labs.http.words import http_bytes, shortened, size, status_line
from labs.telling import measured, table
from labs.words import count, listed

PART = 100
# What each of these may cost: a server that ignores Range or a condition sends everything once more.
AGAIN_BYTES, AGAIN_SECONDS = 500_000, 5.0
# How a connection shows that the server had closed it before the request came.
_GONE = ("no-answer", "reset", "closed-early")
# Fields that a HEAD should have as the GET has them (RFC 9110 section 9.3.2; others may be left out).
_SAME = ("Content-Type", "ETag", "Last-Modified", "Content-Encoding")
# What the two sites at one address are called, and where what an application got can be read.
SITE, OTHER, ECHO = "www.shop.test", "shop.test", "http://api.shop.test/echo"


def both_lengths(desk: Desk, seen: str) -> Verdict:
    """The claim on framing: what was `seen` of an answer, and what a server of the town makes of two lengths."""
    from labs.http.shows.framing import API, BOTH

    with desk.reach(API) as peer:
        both = peer.ask(raw=BOTH)
    return FRAMING.judged(both.status == 400, f"{seen} A request with both lengths got {status_line(both)}.")


class _Asking:
    """One connection to the origin after the other, as few as it allows."""

    def __init__(self, desk: Desk, peer: Peer, first: Answer, dropped: frozenset[str]) -> None:
        self._dropped = dropped
        usual = desk.limits
        self._limits = usual._replace(most=AGAIN_BYTES, seconds=min(AGAIN_SECONDS, usual.seconds))
        self._desk = desk
        self._peer = peer
        self._keeps = first.keep_alive
        self._own: list[Peer] = []
        self.connections = 1

    def ask(self, *, method: str = "GET", fields: Fields) -> Answer:
        """Asked once more when a kept connection had ended meanwhile: both methods are safe. Raises Unreached."""
        answer = self._once(method, fields) if self._keeps else None
        if answer is None or (answer.failure in _GONE and not answer.wire_received):
            self._peer = self._desk.reach(self._peer.url)
            self._own.append(self._peer)
            self.connections += 1
            answer = self._once(method, fields)
        return answer

    def _once(self, method: str, fields: Fields) -> Answer:
        answer = self._peer.ask(method=method, fields=fields, limits=self._limits, dropped=self._dropped)
        self._keeps = answer.keep_alive
        return answer

    def close(self) -> None:
        for peer in self._own:
            peer.close()


def ask(
    desk: Desk, peer: Peer, first: Answer, fields: Fields, dropped: frozenset[str], *, everything: bool
) -> Iterator[Event]:
    """`everything`: also what is asked of other sites of the town. Raises Unreached."""
    asking = _Asking(desk, peer, first, dropped)
    try:
        rows, verdicts, measures = _of_this(asking, first, fields, ours=desk.internet.kind == "sandbox")
    finally:
        asking.close()
    if everything:
        for more, verdict in (_hosts(desk), _fields(desk)):
            rows += more
            verdicts.append(verdict)
    used = f"{count(len(rows), 'request')}; with the first one, {count(asking.connections, 'connection')}"
    columns = ("request", "status", "content", "")
    yield table("again", "Asked again, in other ways", columns, rows, note="" if everything else used)
    yield from measures
    yield from verdicts


def _of_this(
    asking: _Asking, first: Answer, fields: Fields, *, ours: bool
) -> tuple[list[Row], list[Verdict], list[Measure]]:
    """The same resource: without its content, on a condition, in part. `ours`: this server should do all of that."""
    head = asking.ask(method="HEAD", fields=fields)
    rows = [_row("HEAD", head, _headed(first, head))]
    verdicts: list[Verdict] = []
    measures: list[Measure] = []
    tag, date = get(first.fields, "ETag"), get(first.fields, "Last-Modified")
    if tag or date:
        name, value = ("If-None-Match", tag) if tag else ("If-Modified-Since", date)
        match = asking.ask(fields=(*fields, (name, value or "")))
        said = {304: "yours is still right", 200: "sent once more"}.get(match.status, "")
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
    ignored = "all of it: Range is ignored" if part.status == 200 else ""
    said = get(part.fields, "Content-Range") or ignored
    rows.append(_row(f"Range: bytes=0-{PART - 1}", part, said))
    verdicts.append(_head_and_ranges(first, head, part, ours=ours))
    return rows, verdicts, measures


def _row(label: str, answer: Answer, said: str) -> Row:
    status = status_line(answer)
    hue: Hue = "bad" if answer.failure else "warn" if answer.status >= 400 else "ok"
    return Row(
        text=f"{label}: {status}, {size(answer.body_bytes)} of content{said and ', '}{said}.",
        cells=(label, str(answer.status or answer.failure), size(answer.body_bytes), said),
        hues=("", hue, "", "mute"),
    )


def _headed(first: Answer, head: Answer) -> str:
    """What a HEAD gave of what the GET had, as a clause."""
    if head.failure or head.status != first.status:
        return ""
    if head.excess:
        return "and content behind it, against the rules"
    return "the same fields, no content" if not _differing(first, head) else "other fields, no content"


def _differing(first: Answer, head: Answer) -> list[str]:
    return [name for name in _SAME if get(first.fields, name) != get(head.fields, name)]


def _conditional(first: Answer, second: Answer, *, ours: bool) -> Verdict:
    saved = f"{size(http_bytes(first))} the first time, {size(http_bytes(second))} the second"
    if second.status == 304:
        more = size(len(second.excess))
        said = f"304, and {more} behind it" if second.excess else "304 without content"
        return CONDITIONAL.judged(not second.excess, f"{said}: {saved}.")
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
    if other := _differing(first, head):
        told += f" It differs in {listed(other)}."
    # What was stored may have changed between two requests, and elsewhere nobody promised parts.
    ours = ours and get(first.fields, "Accept-Ranges") == "bytes"
    right = not head.excess and not other and part.status == 206 and part.body_bytes <= PART
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
