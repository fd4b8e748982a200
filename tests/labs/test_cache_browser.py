"""Our browser's column against a real browser: headless Chromium in front of the sandbox's edges.

What DevTools calls "from cache" must be what we predict, and so must the requests that reach the edge.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote

import pytest
from chromium import Chromium, Loaded, chromium
from needed import need

from labctl.internet import Endpoint
from labctl.protocols.http1_fields import Fields
from labctl.protocols.url import parse_url
from labctl.sandbox.loopback import LoopbackInternet
from labctl.sandbox.town import healthy_town
from labs.cache.browser import Browser
from labs.cache.network import Network

# The edges that a browser meets, and the files of the shop that carry every manner of caching.
HOSTS = ("www.shop.test", "cdn.shop.test", "origin.shop.test")
FILES = (
    *(
        "/style.css",
        "/logo.svg",
        "/app.3f9a1c.js",
        "/no-store.css",
        "/private.css",
        "/cookie.css",
        "/stale.css",
    ),
    *("/hello.js", "/heuristic.txt"),
)
TAG: Fields = (("ETag", '"1"'),)
OLD: Fields = (("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT"),)
# What the origin says: name, fields.
VARIANTS: dict[str, Fields] = {
    "max-age": (("Cache-Control", "max-age=600"), *TAG),
    "max-age, no validator": (("Cache-Control", "max-age=600"),),
    "public": (("Cache-Control", "public"), *TAG),
    "private": (("Cache-Control", "private, max-age=600"), *TAG),
    "immutable": (("Cache-Control", "max-age=31536000, immutable"), *TAG),
    "s-maxage alone": (("Cache-Control", "s-maxage=600"), *TAG),
    "max-age=0": (("Cache-Control", "max-age=0"), *TAG),
    "no-cache": (("Cache-Control", "no-cache"), *TAG),
    "no-cache, no validator": (("Cache-Control", "no-cache"),),
    "no-store": (("Cache-Control", "no-store"), *TAG),
    "no-store, max-age": (("Cache-Control", "no-store, max-age=600"), *TAG),
    "must-revalidate": (("Cache-Control", "max-age=600, must-revalidate"), *TAG),
    "used up": (("Cache-Control", "max-age=60"), ("Age", "100"), *TAG),
    "half used up": (("Cache-Control", "max-age=6000"), ("Age", "3000"), *TAG),
    "expires later": (("Expires", "Thu, 01 Jan 2099 00:00:00 GMT"), *TAG),
    "expired": (("Expires", "Thu, 01 Jan 2015 00:00:00 GMT"), *TAG),
    "expires never": (("Expires", "0"), *TAG),
    "max-age before expires": (
        ("Cache-Control", "max-age=600"),
        ("Expires", "Thu, 01 Jan 2015 00:00:00 GMT"),
        *TAG,
    ),
    "guessed": OLD,
    "nothing": (),
    "only a tag": TAG,
    "garbage": (("Cache-Control", "max-age=banana"), *TAG),
    "stale while revalidate": (("Cache-Control", "max-age=0, stale-while-revalidate=600"), *TAG),
    "vary on what stays": (("Cache-Control", "max-age=600"), ("Vary", "Accept-Encoding"), *TAG),
    "set-cookie": (("Cache-Control", "max-age=600"), ("Set-Cookie", "a=1"), *TAG),
    "pragma": (("Cache-Control", "max-age=600"), ("Pragma", "no-cache"), *TAG),
    "vary on everything": (("Cache-Control", "max-age=600"), ("Vary", "*"), *TAG),
    "guessed, must-revalidate": (("Cache-Control", "must-revalidate"), *OLD),
    "capitals": (("Cache-Control", "Max-Age=600"), *TAG),
    "quoted": (("Cache-Control", 'max-age="600"'), *TAG),
    "no-cache with a name": (("Cache-Control", 'max-age=600, no-cache="Set-Cookie"'), *TAG),
    "twice": (("Cache-Control", "max-age=600, max-age=0"), *TAG),
    "a fraction": (("Cache-Control", "max-age=600.5"), *TAG),
    "a big one": (("Cache-Control", "max-age=99999999999999999999"), *TAG),
    "below zero": (("Cache-Control", "max-age=-1"), *TAG),
    "age is garbage": (("Cache-Control", "max-age=600"), ("Age", "soon"), *TAG),
    "expires is garbage": (("Expires", "tomorrow"), *TAG),
}


class Net(NamedTuple):
    """The sandbox and a browser in front of it."""

    town: LoopbackInternet
    browser: Chromium


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    program = need("chromium")
    with LoopbackInternet(healthy_town(), latency=False) as town:
        ports = {}
        for host in HOSTS:
            site = town.web().town.site(host)
            assert site is not None
            dialled = town.dial(Endpoint(site.addresses[0], 80))
            assert dialled.socket is not None
            ports[host] = dialled.socket.getpeername()[1]
            dialled.socket.close()
        with chromium(program, tmp_path_factory.mktemp("chromium"), ports) as browser:
            yield Net(town, browser)
        assert not town.crashes


def with_fields(fields: Fields) -> str:
    """The path of a style sheet that comes with these fields."""
    query = "&".join(f"{quote(name)}={quote(value)}" for name, value in fields)
    return f"/cache.css?body=a%7B%7D&Content-Type=text/css&{query}"


def page(host: str, paths: list[str], number: int) -> str:
    """The URL of a page that uses these files, and that is never kept itself."""
    links = "".join(f'<link rel="stylesheet" href="{path.replace("&", "&amp;")}">' for path in paths)
    body = f"<!doctype html><title>{number}</title>{links}"
    return f"http://{host}/cache?cc=no-store&Content-Type=text/html&body={quote(body)}"


def arrived(net: Net, host: str, path: str, since: int) -> int:
    """How many requests for this have come to the host since."""
    return sum(1 for seen in list(net.town.web().log)[since:] if seen.site == host and seen.target == path)


def found(loaded: list[Loaded], path: str) -> Loaded:
    return next(each for each in loaded if each.url.endswith(path))


class Prediction(NamedTuple):
    """What our browser does with a second use: from its cache, and does a request go out (now, or behind)?"""

    from_cache: bool
    request: bool


def predicted(net: Net, host: str, path: str) -> Prediction:
    if host in net.town.web().edges:
        # As it was when Chromium came for the first time.
        net.town.web().run(net.town.web().edges[host].purge_all)
    with Network(net.town) as network:
        browser = Browser(network.ask, net.town.date)
        browser.load(parse_url(f"http://{host}{path}"))
        second = browser.load(parse_url(f"http://{host}{path}"))
        return Prediction(not second.asked_network, second.asked_network or second.behind is not None)


# Chromium has two caches that read some fields differently. In a tab, files that a page before had are taken from
# memory (Blink), where these are fresh; the cache on the disk (net) wants to be asked about them. We follow the latter.
# Of max-age="600" the latter makes nothing, where RFC 9111 section 5.2 wants both forms to be taken: we follow the RFC.
BY_THE_RFC = {"quoted"}
MEMORY_DIFFERS = {"guessed, must-revalidate", "a fraction", "quoted"}


@pytest.mark.parametrize("again", ["in the same tab", "in a new tab"])
@pytest.mark.parametrize("host", HOSTS)
def test_chromium_takes_from_its_cache_what_we_say_it_does(net: Net, host: str, again: str) -> None:
    same = again == "in the same tab"
    paths = {
        name: with_fields((*fields, ("X-Host", host), ("X-Again", again)))
        for name, fields in VARIANTS.items()
        if not (same and name in MEMORY_DIFFERS)
    }
    net.browser.visit(page(host, list(paths.values()), 1))
    if not same:
        net.browser.new_tab()
    since = len(net.town.web().log)
    loaded = net.browser.visit(page(host, list(paths.values()), 2))
    differences = {}
    for name, path in paths.items():
        seen = Prediction(found(loaded, path).from_cache, arrived(net, host, path, since) > 0)
        ours = predicted(net, host, path)
        # What is fetched behind an answer may come after the page is done.
        if seen.from_cache == ours.from_cache and ours.from_cache and ours.request:
            continue
        if seen != ours and name not in BY_THE_RFC:
            differences[name] = (seen, ours)
    assert not differences


@pytest.mark.parametrize("host", HOSTS[:2])
def test_chromium_and_we_agree_about_the_files_of_the_shop(net: Net, host: str) -> None:
    net.browser.visit(page(host, list(FILES), 3))
    since = len(net.town.web().log)
    loaded = net.browser.visit(page(host, list(FILES), 4))
    for path in FILES:
        seen = Prediction(found(loaded, path).from_cache, arrived(net, host, path, since) > 0)
        assert (path, seen) == (path, predicted(net, host, path))


def test_a_reload_in_chromium_asks_about_the_page_and_not_about_fresh_files(net: Net) -> None:
    names = ("max-age", "immutable", "guessed", "no-cache")
    paths = {name: with_fields((*VARIANTS[name], ("X-Reload", "1"))) for name in names}
    net.browser.visit(page("www.shop.test", list(paths.values()), 5))
    since = len(net.town.web().log)
    net.browser.reload()
    asked = {name for name, path in paths.items() if arrived(net, "www.shop.test", path, since)}
    assert asked == {"no-cache"}
