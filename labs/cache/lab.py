"""Who may keep a response, for how long, and why; and what the caches of an application do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from shlex import quote
from typing import Annotated, Any, Literal

from labctl.errors import UsageError
from labctl.events import Event
from labctl.internet import Internet
from labctl.lab import Lab, Place
from labs.cache.claims import CLAIMS

Show = Literal[
    "words",
    "browser",
    "keys",
    "busting",
    "deploy",
    "purge",
    "layers",
    "aside",
    "write-through",
    "ttl",
    "types",
    "stampede",
]
Cdn = Literal["rfc9111", "cloudflare"]
DEFAULT_URL = "https://www.shop.test/logo.svg"
# Demonstrations of the application's layer: they have a store, and no network.
STORES = ("layers", "aside", "write-through", "ttl", "types", "stampede")
EXAMPLES = (
    "cache",
    "cache https://www.shop.test/style.css",
    "cache --header 'public, max-age=3600'",
    "cache --show busting",
    "cache --show stampede",
)


def place(arguments: Mapping[str, Any]) -> Place:
    """Where the target lives; `--header` and a Redis need no internet. Raises UsageError."""
    if arguments.get("redis"):
        return "local"
    # With --header nobody is asked, wherever the URL is.
    if arguments.get("header") or not arguments.get("url"):
        return "sandbox"
    from labctl.protocols.nearness import place_of, read_url

    _no_file(str(arguments["url"]))
    return place_of(read_url(str(arguments["url"])).host)


def run(
    internet: Internet,
    url: Annotated[str | None, "What to ask for. [default: the logo of the sandbox's shop]"] = None,
    *,
    header: Annotated[
        list[str] | None, "Explain this Cache-Control, or these fields (NAME: VALUE), without a network."
    ] = None,
    cdn: Annotated[
        Cdn | None, "Whose rules the CDN's column follows. [default: those of the CDN that answers]"
    ] = None,
    show: Annotated[Show | None, "One demonstration instead of a whole answer."] = None,
    redis: Annotated[str | None, "A real Redis for --show aside and the like: redis://HOST:PORT/0."] = None,
) -> Iterator[Event]:
    """The lab's events. Raises UsageError, at once, for a URL, fields or options that cannot be meant."""
    from labctl.protocols.nearness import read_url

    if url:
        _no_file(url)
    _sensible(internet, url, header, cdn, show, redis)
    if header:
        from labs.cache.header import DEFAULT_URL as SOME_FILE
        from labs.cache.header import explained, read_fields

        return explained(read_fields(header), read_url(url).text if url else SOME_FILE, cdn or "")
    if show in STORES:
        from importlib import import_module

        if redis:
            from labs.cache.application.redis_store import check_url

            check_url(redis)
        module = import_module(f"labs.cache.shows.{show.replace('-', '_')}")
        events: Iterator[Event] = module.show(internet, redis)
        return events
    target = read_url(url or DEFAULT_URL)
    if internet.kind == "live":
        from labs.cache.live import ask_gently

        return ask_gently(internet, target, cdn or "")
    if show:
        from importlib import import_module

        module = import_module(f"labs.cache.shows.{show}")
        played: Iterator[Event] = module.show(internet)
        return played
    from labs.cache.whole import whole

    return whole(internet, target, cdn or "", usual=url is None)


# Extensions of files that are no top-level domain.
_FILES = frozenset(
    (
        *("avif", "css", "gif", "htm", "html", "ico", "jpeg", "jpg", "js", "json", "map", "mjs", "mp4"),
        *("pdf", "php", "png", "svg", "txt", "webp", "woff", "woff2", "xml"),
    )
)


def _no_file(url: str) -> None:
    """Raises UsageError for `style.css`, which would be looked up as a host."""
    if "/" not in url and url.lower().rpartition(".")[2] in _FILES:
        raise UsageError(
            "url-invalid",
            f"{url[:80]} looks like a file; give the whole URL",
            fixes=(f"labctl cache {quote(f'https://www.shop.test/{url}')}",),
        )


def _sensible(
    internet: Internet,
    url: str | None,
    header: list[str] | None,
    cdn: str | None,
    show: str | None,
    redis: str | None,
) -> None:
    """Raises UsageError for options of which one would be silently ignored."""
    for given, option, other, instead in (
        (url and show, f"--show {show}", "a URL: it plays with addresses of its own", f"labctl cache {url}"),
        (header and show, "--header", f"--show {show}", f"labctl cache --show {show}"),
        (cdn and show, "--cdn", f"--show {show}", f"labctl cache --show {show}"),
        (redis and header, "--redis", "--header", "labctl cache --header 'max-age=60'"),
        (
            redis and show not in STORES,
            "--redis",
            f"--show {show}: no store takes part in it" if show else "a URL: no store takes part in that",
            f"labctl cache --show aside --redis {redis}",
        ),
        (
            redis and internet.fault,
            "--redis",
            f"--break {internet.fault}: a fault changes the sandbox, and a real Redis is not in it",
            f"labctl cache --show {show} --break {internet.fault}",
        ),
        (
            redis and internet.kind == "sandbox",
            "--redis",
            "--sandbox: a real Redis is not in the sandbox",
            f"labctl cache --show {show} --redis {redis}",
        ),
    ):
        if given:
            raise UsageError(
                "options-contradict", f"{option} makes no sense together with {other}", fixes=(instead,)
            )
    if internet.kind == "live" and not (url or header or redis):
        raise UsageError(
            "target-missing",
            "on the real internet a URL must be named",
            fixes=("labctl cache https://www.example.com/ --live", "labctl cache"),
        )


LAB = Lab(
    "cache",
    "Who may keep this response, and for how long",
    CLAIMS,
    run,
    __package__,
    examples=EXAMPLES,
    place=place,
    # With a URL it is a tool: what such a response does not show is no failure.
    judges=lambda arguments: not (arguments.get("header") or arguments.get("url")),
)
