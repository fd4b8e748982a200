"""`--header`: a response explained without a network, and what can be wrong with the fields that were typed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from shlex import quote

from labctl.errors import UsageError
from labctl.events import Event
from labctl.protocols import caching
from labctl.protocols.caching import CacheRequest, CacheResponse
from labctl.protocols.http1_fields import Fields, get
from labs.cache.file_names import next_line
from labs.cache.told import told_table
from labs.cache.verdict import (
    DECIDING,
    fields_row,
    measures,
    shared_rules,
    verdict,
    verdict_table,
    why_and_what,
)
from labs.cache.words import span
from labs.telling import command, opening, result, warning

# The names of fields that decide; anything else with a colon may still be meant as a field.
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
DEFAULT_URL = "https://www.shop.test/style.css"
# Some moment for Date: nothing depends on which.
NOW = 1_795_500_000.0


def read_fields(typed: Sequence[str]) -> Fields:
    """Field lines, or bare values of Cache-Control. Raises UsageError `header-unreadable`."""
    return tuple(_read(line) for line in typed)


def _read(line: str) -> tuple[str, str]:
    if any(character in line for character in "\r\n\0"):
        raise UsageError(
            "header-unreadable",
            "a field is one line: it holds no line break and no NUL",
            evidence=(("given", repr(line)[:80]),),
            fixes=("labctl cache --header 'max-age=60' --header 'Vary: Accept-Encoding'",),
        )
    if not line.strip():
        raise UsageError(
            "header-unreadable", "an empty field says nothing", fixes=("labctl cache --header 'max-age=60'",)
        )
    try:
        line.encode("latin-1")
    except UnicodeEncodeError as error:
        raise UsageError(
            "header-unreadable",
            f"{line[error.start]!r} cannot be sent in a field: it is no character of ISO 8859-1",
        ) from error
    if line.startswith("HTTP/"):
        raise UsageError(
            "header-unreadable",
            f"{line[:40]!r} is a status line; a field has a name, a colon and a value",
            fixes=("labctl cache --header 'Cache-Control: max-age=60'",),
        )
    name, colon, value = line.partition(":")
    first, _, rest = line.strip().partition(" ")
    if first.lower() in _FIELDS and rest and not rest.lstrip().startswith((":", "=")):
        field = _FIELDS[first.lower()]
        raise UsageError(
            "header-unreadable",
            f"after {field} a colon is missing",
            evidence=(("given", line[:80]),),
            fixes=(f"labctl cache --header {quote(f'{field}: {rest.strip()}')}",),
        )
    # `max-age=60` and `private="a:b"` are values; a name has no "=", no blank and no comma in it.
    if not colon or "=" in name or "," in name or " " in name.strip():
        return "Cache-Control", line.strip()
    if not _NAME.fullmatch(name.strip()):
        raise UsageError(
            "header-unreadable",
            f"{name.strip()!r} is no name of a field",
            fixes=("labctl cache --header 'Cache-Control: max-age=60'",),
        )
    return name.strip(), value.strip()


def explained(fields: Fields, url: str, cdn: str = "") -> Iterator[Event]:
    """Who may keep a response with these fields. Nobody is asked, and so no claim is judged."""
    from labctl.protocols.http_dates import write_http_date

    if get(fields, "Date") is None:
        fields = (*fields, ("Date", write_http_date(NOW)))
    request, response = CacheRequest("GET", url), CacheResponse(200, fields)
    rules = shared_rules(cdn, fields)
    browser, shared = verdict(request, response, NOW, rules)
    yield opening("who may keep this response?", "no network")
    yield fields_row(fields)
    for words in unread(fields):
        yield warning(words)
    yield verdict_table(browser, shared)
    yield from measures(browser, shared)
    yield from told_table(fields)
    yield from why_and_what(request, response, NOW, browser, shared, meant=meant(fields))
    yield result(in_short(browser, shared), "ok" if browser.may_store.yes or shared.may_store.yes else "warn")
    there = "https://www.example.com/" if url == DEFAULT_URL else quote(url)
    yield command("by hand", f"curl -sI {there} | grep -i -e cache -e ^age")
    yield command("next", next_line(request, response, browser))


def in_short(browser: caching.Explained, shared: caching.Explained) -> str:
    """Both verdicts in one sentence."""
    if browser.fresh_s and shared.fresh_s:
        return f"A browser answers by itself for {span(browser.fresh_s)}, a CDN for {span(shared.fresh_s)}."
    (one, both), (other, _) = (_does(each) for each in (browser, shared))
    if one == other:
        return f"A browser and a CDN {both}."
    return f"A browser {one}, a CDN {other}."


def _does(each: caching.Explained) -> tuple[str, str]:
    """What a cache does with a response, of one cache and of two."""
    if not each.may_store.yes:
        return "keeps nothing", "keep nothing"
    if each.fresh_s:
        return (f"answers by itself for {span(each.fresh_s)}",) * 2
    if each.stale_s:
        behind = f"with an old one for {span(each.stale_s)}"
        return f"answers {behind} and refreshes behind it", f"answer {behind} and refresh behind it"
    if each.after_that.yes:
        return "keeps it and asks before each use", "keep it and ask before each use"
    return (
        "has nothing to compare and fetches it anew each time",
        "have nothing to compare and fetch it anew each time",
    )


_KNOWN = frozenset(
    {
        *(
            "max-age",
            "s-maxage",
            "no-cache",
            "no-store",
            "no-transform",
            "must-revalidate",
            "proxy-revalidate",
        ),
        *("must-understand", "private", "public", "immutable", "stale-while-revalidate", "stale-if-error"),
    }
)


_OF_REQUESTS = frozenset({"only-if-cached", "max-stale", "min-fresh"})
_FIELDS = {name.lower(): name for name in (*DECIDING, "Date")}


# A semicolon outside of a quoted string.
_SEMICOLON = re.compile(r"""((?:^|[,;])(?:[^",;]|"[^"]*")*);""")


def meant(fields: Fields) -> str:
    """The line that a misspelt Cache-Control was meant to be; "" where nothing is misspelt."""
    from difflib import get_close_matches

    said = get(fields, "Cache-Control") or ""
    parts = []
    said = said.strip()
    # "public max-age=60": a blank where a comma belongs.
    spaced = re.sub(r"(?<=[\w-])[ \t]+(?=[a-z][a-z-]+(?:[=,]|$))", ", ", _SEMICOLON.sub(r"\1,", said))
    for part in spaced.split(","):
        name, equals, value = part.strip().partition("=")
        near = (
            [] if name.lower() in {*_KNOWN, *_OF_REQUESTS} else get_close_matches(name.lower(), _KNOWN, n=1)
        )
        parts.append(f"{near[0] if near else name}{equals}{value}")
    line = ", ".join(filter(None, parts))
    same = line.replace(" ", "") == said.replace(" ", "")
    return "" if same or '"' in said else f"Cache-Control: {line}"


def unread(fields: Fields) -> Iterator[str]:
    """What in these fields means nothing to a cache, a sentence for each."""
    from difflib import get_close_matches

    said = get(fields, "Cache-Control") or ""
    if _SEMICOLON.search(said):
        yield "Directives are separated by commas, and here is a semicolon: what is around it is not read."
        said = _SEMICOLON.sub(r"\1,", said)
    for name in caching.parse_cache_control(said):
        shown = name[:40]
        if name in _OF_REQUESTS:
            yield f"{shown!r} is a directive of requests; in a response it says nothing. (RFC 9111 section 5.2.1)"
        elif name in _FIELDS:
            yield f"{shown!r} is a field and no directive: give it with a colon and a value, {_FIELDS[name]}: ..."
        elif name not in _KNOWN:
            blanks = " " in name and any(part in _KNOWN for part in name.split())
            near = get_close_matches(name, _KNOWN, n=1)
            if near and not blanks:
                yield f"{shown!r} is no directive; was {near[0]} meant? Caches take no notice of it."
                continue
            hint = " Directives are separated by commas." if blanks else ""
            yield f"{shown!r} is no directive that caches know, and they take no notice of it.{hint}"
    if (age := get(fields, "Age")) is not None and not age.strip().isdigit():
        yield f"Age is {age[:40]!r}: no whole number of seconds, so it counts for nothing. (RFC 9111 section 5.1)"
    if get(fields, "Pragma") is not None:
        yield "Pragma is a field of requests; in a response only some browsers heed it. (RFC 9111 section 5.4)"
