"""What a copy is kept under: the URL with its query string, and what Vary names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from labctl.events import Event, Row
from labctl.internet import Internet
from labctl.protocols.http1_fields import Fields
from labctl.protocols.url import parse_url
from labs.cache.claims import VARY
from labs.cache.network import Network, Timetable
from labs.cache.told import word_of
from labs.cache.words import hue
from labs.telling import about, command, measured, note, opening, result, table
from labs.words import count

PATH = "/hello.js"
RFC, CLOUDFLARE = "http://cdn.shop.test", "http://www.shop.test"


class Asker(NamedTuple):
    """Who asks, in which language, and for which query string."""

    who: str
    language: str
    query: str = ""


ASKERS = (Asker("Ana", "de"), Asker("Ben", "fr"), Asker("Ana", "de"), Asker("Ben", "fr", "?from=mail"))


def show(internet: Internet) -> Iterator[Event]:
    with Network(internet) as network:
        yield opening("under which key is it kept?", "Vary: Accept-Language")
        clock = Timetable(internet)
        rows, got = [], []
        for number, asker in enumerate(ASKERS):
            clock.until(number * 5.0)
            fields: Fields = (("Accept-Language", asker.language), ("Accept-Encoding", "gzip"))
            told = []
            for host in (RFC, CLOUDFLARE):
                answer = network.ask(parse_url(f"{host}{PATH}{asker.query}"), "GET", fields).answer
                body = answer.body.decode("utf-8", "replace").strip() if answer is not None else ""
                told.append((word_of(answer.fields) if answer is not None else "", body))
            got.append((asker, told))
            rows.append(_row(asker, told))
        columns = ("who", "asks for", "RFC 9111", "got", "Cloudflare", "got")
        yield table("keys.askers", f"{PATH}, in the language that was asked for", columns, rows)
        yield note(
            "The origin says Vary: Accept-Language and max-age=60. Five seconds lie between two lines."
        )
        (_, ana), (_, ben), (_, later) = got[:3]
        # Two copies: each has their own bytes, and the first is still there after the second came.
        own = ben[0][1] != ana[0][1] and later[0] == ("HIT", ana[0][1])
        yield VARY.judged(
            own,
            f"Ana got {ana[0][1]!r}, and Ben, who asked for another language, {ben[0][1]!r}"
            + (
                ": two copies under one URL."
                if own
                else ", which is Ana's copy."
                if ben[0][1] == ana[0][1]
                else f", and Ana the next time {later[0][0]}: there was one copy."
            ),
        )
        wrong = sum(1 for asker, told in got if not _right(asker, told[1][1]))
        yield measured(
            "cache.keys.wrong", wrong, f"Cloudflare's default gave {count(wrong, 'wrong language')}."
        )
        yield about(
            "Cloudflare",
            "takes no notice of Vary by default, except for Accept-Encoding: use the URL instead.",
        )
        yield about("the query", "is part of the key: ?from=mail is another copy, for the same bytes.")
        yield result(
            "Vary costs copies: name what the answer depends on, and nothing that everybody has different."
        )
        yield command(
            "by hand", "labctl shell -- curl -s -H 'Accept-Language: fr' https://cdn.shop.test/hello.js"
        )
        yield command("next", "labctl cache --show purge")


def _greeting(body: str) -> str:
    """`Hallo` of `greet('Hallo')`."""
    return body.removeprefix("greet('").removesuffix("')")


def _right(asker: Asker, body: str) -> bool:
    return {"de": "Hallo", "fr": "Bonjour"}[asker.language] in body


def _row(asker: Asker, told: list[tuple[str, str]]) -> Row:
    (rfc, one), (cloudflare, other) = told
    asks = f"{asker.language}{asker.query}"
    return Row(
        f"{asker.who} asks for {asks}: by RFC 9111 {rfc} with {one!r},"
        f" Cloudflare's default {cloudflare} with {other!r}.",
        (asker.who, asks, rfc, _greeting(one), cloudflare, _greeting(other)),
        hues=(
            "",
            "",
            hue(rfc),
            "ok" if _right(asker, one) else "bad",
            hue(cloudflare),
            "ok" if _right(asker, other) else "bad",
        ),
        bold=(2, 4),
    )
