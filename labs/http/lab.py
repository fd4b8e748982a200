"""A request and its response, as bytes and as meaning, and what the two ends may expect of each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from labctl.errors import UsageError
from labctl.events import Event
from labctl.internet import Internet
from labctl.lab import Lab, Place
from labs.http.claims import CLAIMS

Show = Literal[
    "framing",
    "retry",
    "redirects",
    "keep-alive",
    "two-writes",
    "multiplexing",
    "cookies",
    "negotiation",
    "interim",
    "alt-svc",
    "broken",
    "byhand",
]


def place(arguments: Mapping[str, Any]) -> Place:
    """Where the URL's host lives; a demonstration has none and lives in the sandbox. Raises UsageError."""
    if arguments.get("url") is None:
        return "sandbox"
    from labctl.protocols.nearness import place_of
    from labctl.protocols.url import parse_url

    return place_of(parse_url(str(arguments["url"])).host)


def run(
    internet: Internet,
    url: Annotated[
        str | None, "A URL; without a scheme, https is assumed. [default: the sandbox's shop]"
    ] = None,
    *,
    method: Annotated[str | None, "The request's method. [default: GET, with -d POST]", "-X"] = None,
    header: Annotated[
        list[str] | None, "A field of the request, 'Name: value'. May be repeated.", "-H"
    ] = None,
    data: Annotated[
        list[str] | None,
        "The request's content, or @FILE. More than one are joined with &, as curl does.",
        "-d",
    ] = None,
    http2: Annotated[bool, "The same request over HTTP/1.1 and HTTP/2, side by side."] = False,
    show: Annotated[Show | None, "One demonstration instead of a request."] = None,
) -> Iterator[Event]:
    """The lab's events. Raises UsageError, at once, for what cannot be meant."""
    from labs.http.target import read_wanted

    wanted = read_wanted(url, method, header or (), data or ())
    if show and (url is not None or method or header or data or http2):
        raise UsageError(
            "options-contradict",
            f"--show {show} makes requests of its own: it takes no URL, method, field or content",
            fixes=(f"labctl http --show {show}", "labctl http http://www.shop.test/"),
        )
    if http2 and wanted.url.scheme != "https":
        raise UsageError(
            "options-contradict",
            "HTTP/2 is agreed on in the TLS handshake, so it needs an https URL",
            fixes=(f"labctl http {wanted.url.with_scheme('https')} --http2",),
        )
    if internet.kind == "live" and url is None:
        raise UsageError(
            "target-missing",
            "on the real internet somebody must be named to be asked",
            fixes=(
                "labctl http http://example.com/ --live",
                f"labctl http{f' --show {show}' if show else ''}",
            ),
        )

    def events() -> Iterator[Event]:
        if show:
            from labs.http.sandboxed import demonstrate

            yield from demonstrate(internet, show)
        else:
            from labs.http.page import visit

            yield from visit(internet, wanted, http2)

    return events()


LAB = Lab(
    "http",
    "A request and its response",
    CLAIMS,
    run,
    __package__,
    examples=(
        "http",
        "http http://example.com/",
        "http --show redirects",
        "http https://api.shop.test/cart -X PUT -H 'Content-Type: application/json' -d '{}'",
    ),
    place=place,
    # One answer of a site of one's own may show no claim as a whole; its table is what was asked for.
    judges=lambda arguments: arguments.get("url") is None or bool(arguments.get("http2")),
    carrier="box",
)
