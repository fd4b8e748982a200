"""In which order a deploy uploads: what visitors are told at each moment of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from labctl.events import Event, Row
from labctl.internet import Internet
from labctl.protocols.url import parse_url
from labctl.sandbox.site_release import File, Releases, releases
from labs.cache.claims import DEPLOY_ORDER
from labs.cache.network import Network, web_of
from labs.telling import about, command, measured, note, opening, result, table
from labs.words import count

# The origin itself: a CDN would hide for a while what is missing there.
ORIGIN = "http://origin.shop.test/files/"
_STYLE = re.compile(rb'href="([^"]+)"')


class Asked(NamedTuple):
    """What one visitor met: at which moment, on which page, for which file, and the status."""

    moment: str
    page: int
    file: str
    status: int


def show(internet: Internet) -> Iterator[Event]:
    with Network(internet) as network:
        yield opening("which order?", "page first, or files first")
        at = releases(web_of(internet))
        page_first = _played(network, at, "a", page_first=True)
        files_first = _played(network, at, "b", page_first=False)
        for title, name, visits in (
            ("The page first", "deploy.page_first", page_first),
            ("The files first", "deploy.files_first", files_first),
        ):
            yield table(
                name, title, ("moment", "page of", "asks for", "is told"), [_row(each) for each in visits]
            )
        yield note(
            "A page that was opened before the deploy asks for its files for as long as it stays open."
        )
        bad = [visit for visit in files_first if visit.status != 200]
        worse = [visit for visit in page_first if visit.status != 200]
        yield measured(
            "cache.deploy.page_first", len(worse), f"Page first: {count(len(worse), 'visitor')} met a 404."
        )
        yield measured(
            "cache.deploy.files_first", len(bad), f"Files first: {count(len(bad), 'visitor')} met a 404."
        )
        yield (
            DEPLOY_ORDER.not_seen(
                "Nobody met a 404 in either order: these servers answer names that they do not have."
            )
            if not bad and not worse
            else DEPLOY_ORDER.judged(
                not bad,
                f"Page first: {count(len(worse), 'visitor')} met a 404. Files first, and the old ones kept: none."
                if not bad
                else f"Files first, and yet {count(len(bad), 'visitor')} met a 404: {bad[0].file} was gone.",
            )
        )
        yield about("the files", "of the last releases stay: they cost little, and old pages live long.")
        yield about(
            "a 404", "may be kept by a CDN too: Cloudflare keeps one for 3 minutes unless it says no-store."
        )
        yield result("Upload the files, then the page, and remove nothing.", "ok" if not bad else "bad")
        yield command("by hand", "rsync -a static/ HOST:www/static/ && rsync index.html HOST:www/")
        yield command("next", "labctl cache --show keys")


def _page(which: str, style: str, release: int) -> bytes:
    return b'<!doctype html><title>release %d</title><link rel="stylesheet" href="%s">\n' % (
        release,
        style.encode(),
    )


def _played(network: Network, at: Releases, which: str, *, page_first: bool) -> list[Asked]:
    """One deploy in two steps, with a visitor before, between and after, and one whose page stays open."""
    page = f"page-{which}.html"
    old, new = f"style-{which}.11aa22.css", f"style-{which}.33bb44.css"
    at.deploy({old: File(b"/* 1 */", "max-age=31536000"), page: File(_page(which, old, 1), "no-cache")})
    visits = [_visitor(network, page, "before")]
    steps = [
        {page: File(_page(which, new, 2), "no-cache")},
        {new: File(b"/* 2 */", "max-age=31536000")},
    ]
    for moment, step in zip(("between", "after"), steps if page_first else steps[::-1], strict=True):
        at.deploy(step)
        visits.append(_visitor(network, page, moment))
        visits.append(Asked(f"{moment}, an open page", 1, old, _status(network, old)))
    return visits


def _visitor(network: Network, page: str, moment: str) -> Asked:
    """Load the page, and then the file that it names."""
    answer = network.ask(parse_url(ORIGIN + page)).answer
    body = answer.body if answer is not None else b""
    found = _STYLE.search(body)
    file = found[1].decode() if found else ""
    return Asked(moment, 2 if b"release 2" in body else 1, file, _status(network, file))


def _status(network: Network, file: str) -> int:
    answer = network.ask(parse_url(ORIGIN + file)).answer
    return answer.status if answer is not None else 0


def _row(visit: Asked) -> Row:
    return Row(
        f"{visit.moment}: the page of release {visit.page} asks for {visit.file} and is told {visit.status}.",
        (visit.moment, f"release {visit.page}", visit.file, str(visit.status)),
        hues=("mute", "", "", "ok" if visit.status == 200 else "bad"),
        bold=(3,),
    )
