"""The same resource asked again in other ways: without content, on a condition, in part; and what a server refuses."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Hue, Row, Verdict
from labctl.fetch.exchange import Answer
from labctl.protocols.http1 import Fields, get, get_all, without
from labs.http.claims import CONDITIONAL, FIELDS, HEAD_AND_RANGES, HOST
from labs.http.peer import Desk, Peer
from labs.http.telling import measured, table
from labs.http.words import count, size, status_line

PART = 100
# What the two sites at one address are called, and where what an application got can be read.
SITE, OTHER, ECHO = "www.shop.test", "shop.test", "http://api.shop.test/echo"


def ask(desk: Desk, peer: Peer, first: Answer, fields: Fields, *, everything: bool) -> Iterator[Event]:
    """`everything`: also what is asked of other sites of the town."""
    rows: list[Row] = []
    verdicts: list[Verdict] = []
    plain = without(fields, "Accept-Encoding")
    head = peer.ask(method="HEAD", fields=fields, limits=desk.limits)
    rows.append(_row("HEAD", head, "the same fields, no content"))
    if tag := get(first.fields, "ETag"):
        match = peer.ask(fields=(*fields, ("If-None-Match", tag)), limits=desk.limits)
        same = match.status == 304
        rows.append(
            _row(f"If-None-Match: {tag}", match, "yours is still right" if same else "sent once more")
        )
        verdicts.append(_conditional(desk, first, match))
        yield measured(
            "http.304.bytes", match.wire_received, f"On the wire came {size(match.wire_received)}.", "B"
        )
    else:
        verdicts.append(CONDITIONAL.not_seen("The response has no ETag to ask with."))
    part = peer.ask(fields=(*plain, ("Range", f"bytes=0-{PART - 1}")), limits=desk.limits)
    said = get(part.fields, "Content-Range") or "all of it: Range is ignored"
    rows.append(_row(f"Range: bytes=0-{PART - 1}", part, said))
    verdicts.append(_head_and_ranges(desk, first, head, part))
    used = 1
    if everything:
        more, verdict = _hosts(desk)
        rows += more
        verdicts.append(verdict)
        more, verdict = _fields(desk)
        rows += more
        verdicts.append(verdict)
    yield table(
        "again",
        "Asked again, in other ways",
        ("request", "status", "content", ""),
        rows,
        note="" if everything else f"{count(peer.asked, 'request')}, {count(used, 'connection')}",
    )
    yield from verdicts


def _row(label: str, answer: Answer, said: str) -> Row:
    status = status_line(answer)
    hue: Hue = "bad" if answer.failure else "warn" if answer.status >= 400 else "ok"
    return Row(
        text=f"{label}: {status}, {size(answer.body_bytes)} of content, {said}.",
        cells=(label, str(answer.status or answer.failure), size(answer.body_bytes), said),
        hues=("", hue, "", "mute"),
    )


def _conditional(desk: Desk, first: Answer, second: Answer) -> Verdict:
    saved = f"{size(first.wire_received)} on the wire the first time, {size(second.wire_received)} the second"
    if second.status == 304:
        return CONDITIONAL.judged(second.body_bytes == 0, f"304 without content: {saved}.")
    if desk.internet.kind == "live" or second.failure:
        return CONDITIONAL.not_seen(f"This server answered {status_line(second)}, with the content again.")
    return CONDITIONAL.judged(
        False, f"The tag was the current one, and the answer was {second.status}: {saved}."
    )


def _head_and_ranges(desk: Desk, first: Answer, head: Answer, part: Answer) -> Verdict:
    length = get(head.fields, "Content-Length") or "no length"
    told = f"HEAD: {head.status}, {length} announced and {size(head.body_bytes)} sent."
    ranged = f"Range: {part.status}, {size(part.body_bytes)}."
    if head.failure or head.status != first.status:
        return HEAD_AND_RANGES.not_seen(f"HEAD was answered by {status_line(head)}.")
    right = head.body_bytes == 0 and part.status == 206 and part.body_bytes <= PART
    if not right and desk.internet.kind == "live":
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
