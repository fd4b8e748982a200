"""One request through a CDN and a proxy: what each hop made of it, and whom the app takes for the visitor."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Exchange, Row
from labctl.internet import Internet
from labctl.protocols.http1 import Fields, get
from labs.by_hand import of_python
from labs.proxy.arguments import With
from labs.proxy.claims import COUNT, FORWARDED, LIST, PEER, TOO_MANY
from labs.proxy.front import Front, other_fronts
from labs.proxy.way import Seen, Way, way
from labs.proxy.words import LEGEND, MARKS, deed
from labs.telling import command, measured, note, opening, result, table, warning
from labs.words import count as counted

LIE = "6.6.6.6"
# What a visitor writes who tries everything.
LIES: Fields = (
    ("X-Forwarded-For", LIE),
    ("X-Forwarded-Proto", "http"),
    ("X-Forwarded-Host", "evil.test"),
    ("Forwarded", f"for={LIE}"),
)
_FIELDS = (
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Forwarded-Prefix",
    "Forwarded",
    "CF-Connecting-IP",
    "Host",
)
NO_ADDRESSES = "This machine has 127.0.0.1 alone on its loopback, so hops cannot be told apart by address."


def whole(internet: Internet, with_: With) -> Iterator[Event]:
    """The lab without a demonstration. Raises CannotRun when an app or a proxy cannot stand."""
    front = Front(with_)
    with way(internet, front) as road:
        yield opening("one request, from hop to hop", front.name)
        honest = road.ask()
        near = road.ask(cdn=False)
        lying = road.ask(LIES)
        yield from _ladder(road, honest)
        yield _truth(road, lying)
        for key, seen, who in (
            ("entries", honest, "you wrote none"),
            ("entries.lying", lying, "you wrote one"),
        ):
            chain = seen.environ.get("HTTP_X_FORWARDED_FOR", "")
            number = len([each for each in chain.split(",") if each.strip()])
            yield measured(
                f"proxy.{key}",
                number,
                f"When {who}, {counted(number, 'address', 'addresses')} reached the app.",
            )
        yield _app_saw(road, honest)
        yield _question(road, near, honest, lying)
        yield from _judged(road, near, honest, lying)
    yield from _ending(with_)


def _ladder(road: Way, seen: Seen) -> Iterator[Event]:
    street = road.street
    lanes = {"you": street.visitor, "CDN": street.cdn_address, "proxy": road.proxy[0], "app": "gunicorn"}
    to_proxy, to_app, from_app, from_proxy, home = (moment * 1000 for moment in seen.moments)
    first, longer = (get(fields, "X-Forwarded-For") or "" for fields in (seen.by_cdn, seen.by_proxy))
    status = seen.answer.status
    for at, source, target, label, text in (
        (0.0, "you", "CDN", "GET, https", "ask over https, without X-Forwarded-For"),
        (to_proxy, "CDN", "proxy", road.name(first), f"asks over https, for {first or 'nobody'}"),
        (to_app, "proxy", "app", road.name(longer), f"asks over http, for {longer or 'nobody'}"),
        (from_app, "app", "proxy", str(status), f"answers {status}"),
        (from_proxy, "proxy", "CDN", str(status), f"passes {status} on"),
        (home, "CDN", "you", str(status), f"passes {status} on"),
    ):
        back = label == str(status)
        yield Exchange(
            f"At {at:.1f} ms {'you' if source == 'you' else f'the {source}'} {text}.",
            at,
            source,
            target,
            label or "nobody",
            role="reply" if back else "question",
            hue="ok" if back else "accent",
            heavy=back,
            evidence="observed",
            lanes=lanes,
            data={"at_ms": round(at, 1), "status": status} if back else {"at_ms": round(at, 1)},
        )
    yield note("On the arrows from CDN and proxy stands what they write in X-Forwarded-For.")


def _truth(road: Way, seen: Seen) -> Event:
    rows = []
    for name in _FIELDS:
        sent = get(seen.sent, name) or ""
        cells, hues, told = [name, road.name(sent)], ["", "mute"], [f"you wrote {sent or 'none'}"]
        before = seen.sent
        for hop, after in (("the CDN", seen.by_cdn), ("the proxy", seen.by_proxy)):
            mark = deed(name, before, after)
            word, hue = MARKS[mark]
            value = get(after, name) or ""
            cells.append(f"{mark} {road.name(value)}".strip())
            hues.append(hue)
            told.append(f"{hop} {word.format(value)}")
            before = after
        rows.append(Row(f"{name}: {'; '.join(told)}.", tuple(cells), hues=tuple(hues)))  # type: ignore[arg-type]
    return table(
        "hops",
        "You write these lines yourself: what each hop makes of them",
        ("field", "you", "after the CDN", "after the proxy"),
        rows,
        LEGEND,
    )


def _app_saw(road: Way, seen: Seen) -> Event:
    rows = []
    right = seen.counts[2] if len(seen.counts) > 2 else None
    plain = seen.counts[0] if seen.counts else None
    if right is not None and plain is not None:
        for name, before, after in (
            ("remote_addr", plain.remote_addr, right.remote_addr),
            ("scheme", plain.scheme, right.scheme),
            ("host", plain.host, right.host),
            ("url", plain.url, right.url),
        ):
            rows.append(
                Row(
                    f"request.{name} is {before or 'empty'} without ProxyFix, and {after or 'empty'} with it.",
                    (f"request.{name}", before, after),
                    hues=("", "warn" if before != after else "mute", "ok"),
                )
            )
    return table(
        "app",
        "What the app saw when you wrote none of them",
        ("", "without ProxyFix", "with ProxyFix(x_for=2)"),
        rows,
        "https without ProxyFix: gunicorn does that (--show gunicorn-trust)"
        if plain is not None and plain.scheme == "https"
        else "",
    )


def _question(road: Way, near: Seen, honest: Seen, lying: Seen) -> Event:
    street = road.street
    rows = []
    for title, seen, count, wanted in (
        ("proxy", near, 1, street.visitor),
        ("CDN, proxy", honest, 1, street.visitor),
        ("CDN, proxy", honest, 2, street.visitor),
        ("CDN, proxy, you lie", lying, 2, street.visitor),
        ("CDN, proxy, you lie", lying, 3, street.visitor),
    ):
        chain = seen.environ.get("HTTP_X_FORWARDED_FOR", "")
        got = seen.counts[count].remote_addr if len(seen.counts) > count else ""
        right = got == wanted
        said = road.name(got)
        rows.append(
            Row(
                f"{title}, x_for={count}: X-Forwarded-For is {chain or 'absent'}, and remote_addr is "
                f"{got or 'unknown'}: {'right' if right else 'wrong'}.",
                (title, f"x_for={count}", road.name(chain), said, "right" if right else "wrong"),
                hues=("", "", "mute", "ok" if right else "bad", "ok" if right else "bad"),
                bold=(3,),
            )
        )
    return table(
        "question",
        "The ProxyFix question: who is remote_addr",
        ("hops", "count", "X-Forwarded-For there", "remote_addr", ""),
        rows,
    )


def _judged(road: Way, near: Seen, honest: Seen, lying: Seen) -> Iterator[Event]:
    street = road.street
    if any(seen.answer.status != 200 for seen in (near, honest, lying)):
        why = f"The app did not answer: {[seen.answer.status for seen in (near, honest, lying)]}."
        for claim in (PEER, LIST, COUNT, TOO_MANY, FORWARDED):
            yield claim.not_seen(why)
        return
    if not street.own_addresses:
        yield warning(NO_ADDRESSES)
        for claim in (PEER, LIST, COUNT, TOO_MANY):
            yield claim.not_seen(NO_ADDRESSES)
    else:
        peers = {seen.environ.get("REMOTE_ADDR", "") for seen in (near, honest, lying)}
        yield PEER.judged(
            peers == {"127.0.0.1"},
            f"You came from {street.visitor}, by way of the CDN and past it; REMOTE_ADDR was "
            f"{' and '.join(sorted(peers))}.",
        )
        chain = lying.environ.get("HTTP_X_FORWARDED_FOR", "")
        yield LIST.judged(
            chain == f"{LIE}, {street.visitor}, {street.cdn_address}",
            f"You wrote {LIE}; the app got {chain or 'nothing'}.",
        )
        one, two = honest.counts[1].remote_addr, honest.counts[2].remote_addr
        yield COUNT.judged(
            (one, two, near.counts[1].remote_addr) == (street.cdn_address, street.visitor, street.visitor),
            f"Behind the CDN x_for=1 gave {one} and x_for=2 gave {two}; without the CDN x_for=1 gave "
            f"{near.counts[1].remote_addr}.",
        )
        right, more = lying.counts[2].remote_addr, lying.counts[3].remote_addr
        yield TOO_MANY.judged(
            more == LIE and right == street.visitor,
            f"When you wrote {LIE}, x_for=2 gave {right} and x_for=3 gave {more}.",
        )
    only = road.ask((("Forwarded", f"for={LIE}"),))
    found = [saw.remote_addr for saw in only.counts]
    yield FORWARDED.judged(
        LIE not in found and bool(found),
        f"You sent Forwarded: for={LIE}; with x_for=0 to 3 remote_addr was {', '.join(found)}.",
    )


def _ending(with_: With) -> Iterator[Event]:
    yield result("Count the proxies that write into the list and that you trust: that is x_for.")
    yield command(
        "by hand",
        f"{of_python('python')} -m pydoc werkzeug.middleware.proxy_fix",
        "its defaults",
    )
    yield command("next", "labctl proxy --show grid", "every count, and visitors who lie")
    yield from other_fronts(with_)
