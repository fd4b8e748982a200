"""The verdict table: two caches, four questions, each answer with the directive that decided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from labctl.events import Event, Hue, Row, Rows
from labctl.protocols import caching
from labctl.protocols.caching import CacheRequest, CacheResponse, CacheRules, Cell, Explained
from labctl.protocols.http1_fields import Fields, get
from labs.cache.advice import targeted_field, what_to_change, why
from labs.cache.told import word_of
from labs.cache.words import cut, span
from labs.telling import about, measured, note
from labs.words import listed

# The fields that a cache decides by, in the order of the screen.
DECIDING = (
    *("Cache-Control", "Expires", "CDN-Cache-Control", "Cloudflare-CDN-Cache-Control", "Surrogate-Control"),
    *("Pragma", "ETag", "Last-Modified", "Vary", "Age", "Set-Cookie"),
)
SHARED: dict[str, CacheRules] = {"rfc9111": caching.RFC9111_SHARED, "cloudflare": caching.CLOUDFLARE}
_LABELS = {"rfc9111": "shared: everyone", "cloudflare": "shared, as Cloudflare"}


def shared_rules(cdn: str, fields: Fields) -> CacheRules:
    """The rules of the CDN's column: as asked, or those of the CDN that the response came through."""
    from labctl.protocols.cache_vocabulary import identify_cdn

    if cdn:
        return SHARED[cdn]
    names = {each.name for each in identify_cdn(fields)}
    return caching.CLOUDFLARE if "Cloudflare" in names else caching.RFC9111_SHARED


def fields_row(fields: Fields, status: int = 200) -> Rows:
    """The fields that decide, as they came."""
    shown = [(name.lower(), cut(value)) for name in DECIDING if (value := get(fields, name)) is not None]
    if status != 200:
        shown.insert(0, ("status", str(status)))
    if not any(name in ("cache-control", "expires") for name, _ in shown):
        shown.insert(0, ("cache-control", "(none)"))
    rows = tuple(Row(f"{name}: {value}", (name, value)) for name, value in shown)
    return Rows("What the response says:", "fields", "", ("field", "value"), rows, form="fields")


def verdict(
    request: CacheRequest, response: CacheResponse, now: float, shared: CacheRules
) -> tuple[Explained, Explained]:
    """The browser's view and the shared cache's."""
    browser, everybodys = (
        caching.explain(rules, request, response, now) for rules in (caching.BROWSER, shared)
    )
    field = targeted_field(shared, response)
    if not field or everybodys.may_store.yes:
        return browser, everybodys
    # Which of two fields it was is the point of having two.
    because = everybodys.may_store.because
    if field.lower() not in because.words.lower() and because.directive:
        because = because._replace(words=f"{field} says {because.words}")
    return browser, everybodys._replace(may_store=everybodys.may_store._replace(because=because))


def verdict_table(browser: Explained, cdn: Explained) -> Rows:
    """Both columns beside each other."""
    rows = tuple(
        _row(label, _kept(label, one, browser), _kept(label, two, cdn))
        for (label, one), (_, two) in zip(browser.rows, cdn.rows, strict=True)
    )
    rules = dict.fromkeys(cell.because.rule for each in (browser, cdn) for _, cell in each.rows)
    return Rows(
        "Who may keep this response:",
        "verdict",
        "",
        ("", "BROWSER\nprivate: one person", f"CDN\n{_LABELS[cdn.rules.name]}"),
        rows,
        note=f"Rules: {gathered([rule for rule in rules if rule])}.",
        form="answers",
        hues=("", "accent", "alt"),
    )


def _kept(label: str, cell: Cell, each: Explained) -> Cell:
    """A "yes" that answers nobody by itself is not read as "it is cached"."""
    if label != "may store it" or not cell.yes or each.fresh_s or each.stale_s:
        return cell
    return cell._replace(text="yes, each use asks" if each.after_that.yes else "yes, but of no use")


def _row(label: str, browser: Cell, cdn: Cell) -> Row:
    stored = label == "may store it"
    rules = gathered(list(dict.fromkeys(c.because.rule for c in (browser, cdn) if c.because.rule)))
    hues: tuple[Hue, ...] = ("", _hue(browser), _hue(cdn)) if stored else ()
    cells = tuple(f"{_mark(c) if stored else ''}{c.text}\n{c.because.words}" for c in (browser, cdn))
    return Row(
        f"{label}. The browser: {browser.text} ({browser.because.words})."
        f" The CDN: {cdn.text} ({cdn.because.words}). {rules}.",
        (f"{label}\n  because", *cells),
        hues=hues,
        bold=(1, 2) if label in ("may store it", "fresh for") else (),
        data={"rule": rules},
    )


def _mark(cell: Cell) -> str:
    return "✓ " if cell.yes else "✗ "


def _hue(cell: Cell) -> Hue:
    return "ok" if cell.yes else "bad"


def gathered(rules: Sequence[str]) -> str:
    """`RFC 9111 sections 3 and 4.2.1, RFC 5861 section 3`: each document once."""
    found: dict[str, list[str]] = {}
    # "RFC 9111 section 4.2.2, Chromium": an RFC, and who reads it so.
    for part in ", ".join(rules).split(", ") if rules else ():
        document, _, section = part.partition(" section ")
        found.setdefault(document, [])
        if section and section not in found[document]:
            found[document].append(section)
    said = []
    for document, sections in found.items():
        ordered = sorted(sections, key=lambda text: [int(n) if n.isdigit() else 0 for n in text.split(".")])
        many = "sections" if len(ordered) > 1 else "section"
        said.append(f"{document} {many} {listed(ordered)}" if ordered else document)
    return ", ".join(said)


def measures(browser: Explained, cdn: Explained) -> Iterator[Event]:
    """What the quiz and the explanation read."""
    for name, each in (("browser", browser), ("cdn", cdn)):
        kept = bool(each.may_store.yes)
        yield measured(
            f"cache.{name}.keeps", kept, f"The {name.replace('cdn', 'CDN')} may keep it: {_said(kept)}."
        )
        seconds = int(each.fresh_s)
        yield measured(f"cache.{name}.fresh", seconds, f"It is fresh there for {seconds} s.", "s")


def _said(yes: bool) -> str:
    return "yes" if yes else "no"


def why_and_what(
    request: CacheRequest,
    response: CacheResponse,
    now: float,
    browser: Explained,
    shared: Explained,
    *,
    meant: str = "",
) -> Iterator[Event]:
    """`meant`: the line that was meant by a misspelt one; other advice may be its opposite, and is left out.

    Why it is not answered out of a store, whom a change reaches when, and what its sender would change."""
    whys: dict[str, list[str]] = {}
    for name, each in (("browser", browser), ("CDN", shared)):
        found = why(each, request, response, now)
        if found is not None:
            whys.setdefault(f"{found.words} ({found.rule})", []).append(name)
    for words, names in whys.items():
        who = "neither of them answers" if len(names) == 2 else f"the {names[0]} does not answer"
        yield note(f"Why {who} by itself: {words}.")
    yield about("new bytes", reach(browser, shared, came_from_store=_out_of_a_store(response)))
    if meant:
        yield about("change", f"If that was meant, send `{meant}`")
    if not response.complete or meant:
        return
    for advice in what_to_change(request, response, now, browser, shared):
        line = f" Send `{advice.header}`" if advice.header else ""
        yield about("change", f"{advice.words}{line}")


def _out_of_a_store(response: CacheResponse) -> bool:
    """Whether some cache on the way had this response already."""
    return word_of(response.fields) in ("HIT", "STALE", "UPDATING", "REVALIDATED")


def reach(browser: Explained, shared: Explained, *, came_from_store: bool = False) -> str:
    """When people see that the origin has something new, as a sentence."""
    own, everybodys = browser.fresh_s + browser.stale_s, shared.fresh_s + shared.stale_s
    if came_from_store and not everybodys:
        return (
            "come when the cache on the way asks the origin again: it has an old copy, and this header does not say"
            " for how long. Purge it there, or give the file a new URL."
        )
    if not own and not everybodys:
        return (
            "are seen at once, nobody answers with the old ones. If you see old ones still, look for a service worker"
            " or a build that did not run."
        )
    if not own:
        return f"reach a browser when the CDN's copy has run out, after up to {span(everybodys)}, or after a purge."
    if not everybodys:
        return (
            f"reach whoever has a copy after up to {span(own)}: no purge gets into browsers, a new URL does."
        )
    worst = f"under this URL reach a person after up to {span(max(own, everybodys))}"
    if own < everybodys:
        worst += f": a browser asks after {span(own)}, and the CDN answers with its old copy until then"
    elif own > everybodys:
        worst += f": the CDN asks after {span(everybodys)}, and a browser keeps its own copy until then"
    return f"{worst}. A new URL reaches everybody at once."
