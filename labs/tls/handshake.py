"""The default: one visit record by record, what was agreed on, who reads what, the chain; then the same otherwise."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from labctl.errors import CannotRun
from labctl.events import Event, Hue, Json, Measure, Row, Rows
from labctl.protocols.tls_names import alert_sentence
from labs.telling import note, opening, result
from labs.tls import judging, ladder, tables
from labs.tls.certificates import gap
from labs.tls.days import checked, unverified
from labs.tls.failing import failed, mend, to_mend
from labs.tls.target import OURS
from labs.tls.visit import Seen, Visits
from labs.words import count, ms

TLS12 = ("1.2", "1.2")
# Ten segments of 1,460 bytes.
FIRST_FLIGHT = 14_600


def show(
    visits: Visits, *, version: str, resume: bool, days: int | None = None
) -> Generator[Event, None, str]:
    """`version` "" lets the two choose; `resume` draws the second visit, the one with a session. Raises CannotRun.

    `days` is for how many more days the chain has to be good, None when nobody asked.
    Returns the word for why the certificate was refused, or "".
    """
    if not visits.lookup.addresses:
        raise CannotRun(
            "name-not-found",
            f"{visits.target.host} has no address that could be found",
            evidence=(("asked", visits.lookup.source), ("got", visits.lookup.detail)),
            fixes=(f"labctl dns {visits.target.host}",),
        )
    versions = (version, version) if version else ("1.2", "1.3")
    first = visits.visit(versions=versions)
    if not first.ok:
        return (yield from failed(visits.internet, first, days=days))
    back = (
        visits.visit(versions=versions, back=first, ask=resume, tickets=False)
        if first.session is not None
        else None
    )
    shown = back if resume and back is not None and back.ok else first
    yield opening(*_title(shown))
    yield from ladder.exchanges(shown)
    if shown.evidence != "captured":
        yield note("Records and times are those of this program's own writing and reading.")
    if shown.unanswered and not shown.refused:
        yield note(f"The request got no answer. {shown.unanswered.rstrip('.')}.")
    yield tables.agreed(shown)
    old = visits.visit(versions=TLS12, tickets=False) if first.open.tls13 and not version else None
    compared = {tables.version_of(first): first}
    if old is not None and old.ok:
        compared["TLS 1.2"] = old
    yield tables.onlooker(compared)
    yield from _chain(first, visits.internet.date())
    without = (
        visits.visit(versions=versions, alpn=(), ask=False, tickets=False)
        if visits.target.speaks_http
        else None
    )
    yield tables.visits_table(_named(first, back, without, old))
    if first.handshake_bytes > FIRST_FLIGHT:
        yield note(
            f"{first.handshake_bytes:,} bytes are more than the ten segments that TCP sends at once in the beginning "
            "(RFC 6928): the rest waits for acknowledgements, a round trip more for each doubling."
        )
    key = _private_key(visits)
    tried = {name: judging.Opened(seen, key) for name, seen in compared.items()}
    yield from _opening(tried, have_key=bool(key))
    yield from _measures(first, back, old)
    strict = visits.target.host == OURS.host
    yield judging.round_trips(first, old, strict=strict)
    yield judging.resumption(first, back, strict=strict)
    yield judging.onlooker(first, old, visits.target.host, address=visits.target.address)
    yield judging.alpn(first, without, strict=strict)
    yield judging.forward_secrecy(tried, have_key=bool(key))
    yield from _conclusion(shown)
    if days is not None and first.checked:
        yield from checked(days, first.chain, visits.internet.date())
    elif days is not None:
        yield unverified(days, "This client takes every certificate, whatever is in it.")
    return ""


def _title(seen: Seen) -> tuple[str, str]:
    trips = count(seen.open.round_trips, "round trip")
    how = "resumed" if seen.secured is not None and seen.secured.resumed else "first visit"
    return f"a TLS handshake, {how}", f"{tables.version_of(seen)}, {trips}, {ms(seen.handshake_ms)}"


def _named(first: Seen, back: Seen | None, without: Seen | None, old: Seen | None) -> dict[str, Seen]:
    version = tables.version_of(first)
    named = {f"{version}, first": first}
    if back is not None:
        named[f"{version}, again"] = back
    if without is not None:
        named[f"{version}, no ALPN"] = without
    if old is not None:
        named["TLS 1.2, first"] = old
    return named


def _chain(seen: Seen, now: float) -> Iterator[Event]:
    chain = seen.chain
    if not chain.sent:
        return
    yield tables.chain_table(chain)
    yield note(gap(chain) + " " + tables.validity(chain, now))


def _opening(tried: dict[str, judging.Opened], *, have_key: bool) -> Iterator[Event]:
    """Which key opens the recording of each visit."""
    keys = {"no key": [0] * len(tried), "the session's key log": [each.by_key_log for each in tried.values()]}
    if have_key:
        keys["the server's private key"] = [each.by_private_key for each in tried.values()]
    rows = []
    for what, opened in sorted(keys.items(), key=lambda pair: len(pair[0])):
        cells = [f"{n} of {each.hidden} records" for n, each in zip(opened, tried.values(), strict=True)]
        wanted: Hue = "bad" if what.startswith("the server") else "ok"
        hues: tuple[Hue, ...] = ("", *(wanted if n else "mute" for n in opened))
        told = "; ".join(f"{name} {cell}" for name, cell in zip(tried, cells, strict=True))
        data: dict[str, Json] = {"opened": list(opened), "records": [each.hidden for each in tried.values()]}
        rows.append(Row(f"With {what}: {told}.", (what, *cells), hues=hues, data=data))
    yield Rows(
        "Which key opens the recording of a visit later on.",
        "tls.opening",
        "What opens the recording later",
        ("", *tried),
        tuple(rows),
        show_columns=True,
    )
    why = next((each.why for each in tried.values() if each.by_private_key), "") or next(
        (each.why for each in tried.values()), ""
    )
    if why:
        yield note(why)


def _private_key(visits: Visits) -> str:
    """The key of the server, which only a sandbox shows."""
    from labctl.sandbox.town_internet import TownInternet

    internet = visits.internet
    if not isinstance(internet, TownInternet):
        return ""
    web = internet.web()
    site = web.town.site(visits.target.host)
    if site is None or not site.certificate:
        return ""
    return web.certificates.leaf(site.host, site.certificate).key


def _measures(first: Seen, back: Seen | None, old: Seen | None) -> Iterator[Event]:
    trips = first.open.round_trips
    yield Measure(f"The first handshake took {count(trips, 'round trip')}.", "tls.round_trips", trips)
    took = round(first.handshake_ms, 1)
    yield Measure(f"The first handshake took {ms(took)}.", "tls.handshake", took, "ms")
    size = first.handshake_bytes
    yield Measure(f"In it the server sent {size:,} bytes.", "tls.server_bytes", size, "B")
    if back is not None and back.ok:
        size = back.handshake_bytes
        yield Measure(f"On the second visit the server sent {size:,} bytes.", "tls.resumed_bytes", size, "B")
    if old is not None and old.ok:
        trips = old.open.round_trips
        yield Measure(f"TLS 1.2 took {count(trips, 'round trip')}.", "tls.round_trips_12", trips)


def _conclusion(seen: Seen) -> Iterator[Event]:
    secured = seen.secured
    assert secured is not None
    trips, host = count(seen.open.round_trips, "round trip"), seen.target.host
    said = f"{seen.target.place}: {tables.version_of(seen)} in {trips}"
    if seen.refused:
        yield result(
            f"{said}, and then the server refused with the alert {seen.refused}: {alert_sentence(seen.refused)}",
            "bad",
        )
        if fix := mend(seen.refused):
            yield to_mend(fix)
    elif secured.resumed:
        yield result(f"{said}, with the session of the visit before.")
    elif not seen.checked:
        yield result(f"{said}; nobody looked at the certificate.", "warn")
    else:
        yield result(f"{said}, and the certificate is good for {host}.")
