"""Every count of ProxyFix against honest visitors, lying ones, and one who goes past the CDN."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Hue, Row
from labctl.internet import Internet
from labctl.sandbox.proxy_street import Street
from labs.proxy.arguments import With
from labs.proxy.claims import BYPASS, RIGHT_COUNT
from labs.proxy.front import Front, other_fronts
from labs.proxy.hops import LIE, NO_ADDRESSES
from labs.proxy.way import Seen, way
from labs.proxy.words import RIGHT, WRONG
from labs.telling import about, command, measured, opening, result, table, warning

WRITES = (("X-Forwarded-For", LIE),)


def show(internet: Internet, with_: With) -> Iterator[Event]:
    """Raises CannotRun when an app or a proxy cannot stand."""
    front = Front(with_)
    with way(internet, front) as road:
        street = road.street
        yield opening("which count is the right one?", front.name)
        if not street.own_addresses:
            yield warning(NO_ADDRESSES)
            for claim in (RIGHT_COUNT, BYPASS):
                yield claim.not_seen(NO_ADDRESSES)
            return
        honest, lying = road.ask(), road.ask(WRITES)
        past = road.ask(WRITES, cdn=False, source=street.attacker)
        asked = (
            ("honest", honest, street.visitor),
            ("you lie", lying, street.visitor),
            ("past the CDN", past, street.attacker),
        )
        rows, right = [], []
        for count in range(4):
            got = [_address(seen, count) for _, seen, _ in asked]
            good = [address == wanted for address, (_, _, wanted) in zip(got, asked, strict=True)]
            if good[0] and good[1]:
                right.append(count)
            rows.append(_row(count, got, good, [road.name(each) or "no answer" for each in got]))
        yield table(
            "grid",
            "remote_addr by count, behind a CDN and a proxy",
            ("", *(title for title, _, _ in asked)),
            rows,
            _legend(street),
        )
        for title, seen, _ in asked:
            chain = seen.environ.get("HTTP_X_FORWARDED_FOR", "")
            said = f"X-Forwarded-For: {chain}" if chain else f"status {seen.answer.status}"
            yield about(title.replace("past the", "past"), f"the app got {said}")
        told = ", ".join(f"x_for={count}" for count in right) or "none"
        if len(right) == 1:
            yield measured("proxy.right-count", right[0], f"The right count here is {right[0]}.")
        yield RIGHT_COUNT.judged(
            right == [2],
            f"Right for the honest and for the lying visitor: {told}; 2 proxies stood between them and the app.",
        )
        yield _bypass(past, street.attacker)
    yield result(
        "The count keeps liars out only where nobody can come past the CDN: let in nobody but the CDN."
    )
    yield command(
        "by hand",
        f"curl -i -H 'X-Forwarded-For: {LIE}' https://HOST/",
        "then your log: who was that?",
    )
    yield command("next", "labctl proxy --show headers", "who adds which header, and who passes lies on")
    yield from other_fronts(with_, "grid")


def _legend(street: Street) -> str:
    return f"you {street.visitor}   CDN {street.cdn_address}   attacker {street.attacker}"


def _bypass(past: Seen, attacker: str) -> Event:
    if past.answer.status == 403:
        return BYPASS.judged(
            False,
            f"Who came from {attacker} past the CDN was answered 403: the origin lets in nobody but the CDN.",
        )
    got = _address(past, 2)
    return BYPASS.judged(
        got == LIE, f"Past the CDN, from {attacker}, with the line {LIE}: x_for=2 gave {got or 'no answer'}."
    )


def _address(seen: Seen, count: int) -> str:
    return seen.counts[count].remote_addr if len(seen.counts) > count else ""


def _row(count: int, got: list[str], good: list[bool], names: list[str]) -> Row:
    title = f"x_for={count}"
    said = "; ".join(
        f"{who} {address or 'no answer'}, {'right' if right else 'wrong'}"
        for who, address, right in zip(("honest", "lying", "past the CDN"), got, good, strict=True)
    )
    hues: list[Hue] = ["", *("ok" if right else "bad" for right in good)]
    cells = (title, *(f"{RIGHT if right else WRONG} {name}" for name, right in zip(names, good, strict=True)))
    return Row(f"{title}: {said}.", cells, hues=tuple(hues))
