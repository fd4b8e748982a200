"""`labctl sandbox edge`: a caching reverse proxy in front of any HTTP server, which says why it does what it does."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labctl.cli import help_text
from labctl.cli.outlet import Outlet
from labctl.cli.page import Page

if TYPE_CHECKING:
    from labctl.sandbox.edge_exchange import EdgeDecision
    from labctl.sandbox.edge_standing import EdgePlan

SCHEMA = "labctl/edge/1"
_HUES = {
    "HIT": "ok bold",
    "REVALIDATED": "ok",
    "UPDATING": "ok",
    "STALE": "warn",
    "MISS": "accent",
    "EXPIRED": "accent",
    "BYPASS": "mute",
    "DYNAMIC": "mute",
    "NONE": "bad",
}
_LONGEST = 48


class EdgeCommand(help_text.Unboxed, typer.core.TyperCommand):
    examples = (
        "sandbox edge --upstream http://127.0.0.1:5000",
        "sandbox edge --profile cloudflare --listen 127.0.0.1:8081 --upstream http://127.0.0.1:5000",
        "sandbox edge --upstream http://127.0.0.1:5000 --jsonl",
    )


def edge(
    upstream: Annotated[
        str, typer.Option(metavar="URL", help="The server behind it: scheme, host and port.")
    ],
    profile: Annotated[
        str,
        typer.Option(metavar="NAME", help="rfc9111 follows the RFCs, cloudflare its documented defaults."),
    ] = "rfc9111",
    listen: Annotated[
        str, typer.Option(metavar="ADDRESS:PORT", help="Where it listens; port 0 takes a free one.")
    ] = "127.0.0.1:8080",
    size: Annotated[str, typer.Option(metavar="BYTES", help="What it may keep in memory: 64M, 1G.")] = "64M",
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long the upstream may be silent.", min=0.1, max=3600)
    ] = 60.0,
    upstream_host: Annotated[
        bool, typer.Option("--upstream-host", help="Send the upstream's name as Host, not the client's.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Makes the ids of the cloudflare profile repeatable.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print no line for each request.")] = False,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Print one line of JSON for each request.")] = False,
) -> int:
    """run an HTTP cache in front of a server of yours, and say why each answer is what it is"""
    from labctl.sandbox.edge_profile import profile_named
    from labctl.sandbox.edge_standing import EdgePlan, listen_address, serve, size_of, upstream_of

    plan = EdgePlan(
        profile_named(profile).name,
        listen_address(listen),
        upstream_of(upstream),
        size_of(size),
        timeout,
        seed,
        not upstream_host,
    )
    printer = _Lines(plan, jsonl)
    serve(plan, printer.started, None if quiet else printer.decided, printer.stopping)
    if not jsonl and not printer.gone:
        printer.write("\n  Stopped.\n")
        printer.flush()
    return 0


class _Lines:
    """What is printed, and the end of it all: a signal, or a reader of our output that is gone."""

    def __init__(self, plan: EdgePlan, jsonl: bool) -> None:
        self._plan = plan
        self._jsonl = jsonl
        self._page = Page()
        self._outlet = Outlet(self._left_out)
        self._stop: Callable[[], None] = lambda: None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._flushing = False
        self._held_up = False
        self.gone = False

    def stopping(self, loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
        """Ctrl-C and a polite kill end it; that is no failure."""
        self._loop, self._stop = loop, stop
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None:
                with suppress(NotImplementedError):
                    loop.add_signal_handler(number, stop)

    def started(self, address: str, port: int) -> None:
        """Say where it listens, and how to use it."""
        from labctl.sandbox.edge_standing import is_loopback

        where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        plan = self._plan
        if not is_loopback(address):
            sys.stderr.write(
                f"notice: {where} is reachable from other machines: whoever reaches it uses this edge.\n"
            )
        if self._jsonl:
            document = {
                "schema": SCHEMA,
                "kind": "listening",
                "address": address,
                "port": port,
                "profile": plan.profile,
                "upstream": plan.upstream.origin,
                "size_bytes": plan.size_bytes,
            }
            self.write(json.dumps(document) + "\n")
            self.flush()
            return
        page = self._page
        page.say()
        page.prose(f"An edge listens on http://{where}, in front of {plan.upstream.origin}. Ctrl-C ends it.")
        page.prose(_ABOUT[plan.profile], "mute")
        page.prose(f"Forget a URL: curl -X PURGE http://{where}/path", "mute")
        page.say()
        self.write(page.text)
        self.flush()

    def decided(self, decision: EdgeDecision) -> None:
        """A line for a request."""
        if self._jsonl:
            self.write(json.dumps(document(decision)) + "\n")
        else:
            self.write(self.line(decision))
        if not self._flushing and not self._held_up and self._loop is not None:
            self._flushing = True
            self._loop.call_soon(self.flush)

    def line(self, decision: EdgeDecision) -> str:
        """Method, target, status, word, why and the rule."""
        target = decision.url.partition("://")[2].partition("/")
        shown = f"{target[1]}{target[2]}" or decision.url
        shown = "".join(c if c.isprintable() else "?" for c in shown)
        if len(shown) > _LONGEST:
            shown = shown[: _LONGEST - 3] + "..."
        age = f", age {decision.age:.0f} s" if decision.age is not None else ""
        word = self._page.paint(decision.word.ljust(11), _HUES.get(decision.word, ""))
        rule = self._page.paint(f"({decision.rule})", "mute")
        because = "".join(c if c.isprintable() else "?" for c in decision.because)
        return f"  {decision.method[:12]:<6} {shown:<24} {decision.status}  {word} {because}{age} {rule}\n"

    def write(self, text: str) -> None:
        if not self.gone:
            self._outlet.put(text)

    def flush(self) -> None:
        self._flushing = False
        if self.gone:
            return
        try:
            done = self._outlet.pour()
        except BrokenPipeError:
            self._reader_gone()
            done = True
        if self._loop is None or self._loop.is_closed() or done != self._held_up:
            return
        self._held_up = not done
        if done:
            self._loop.remove_writer(self._outlet.fd)
        else:
            self._loop.add_writer(self._outlet.fd, self.flush)

    def _left_out(self, lines: int) -> str:
        if self._jsonl:
            return json.dumps({"schema": SCHEMA, "kind": "left-out", "lines": lines}) + "\n"
        return f"  {lines} lines were left out, since nobody read them in time.\n"

    def _reader_gone(self) -> None:
        self.gone = True
        self._stop()


def document(decision: EdgeDecision) -> dict[str, Any]:
    """One decision (`labctl/edge/1`)."""
    return {
        "schema": SCHEMA,
        "kind": "decision",
        "at_s": decision.at,
        "method": decision.method,
        "url": decision.url,
        "status": decision.status,
        "word": decision.word,
        "because": decision.because,
        "rule": decision.rule,
        "age_s": decision.age,
        "forwarded": decision.forwarded,
        "collapsed": decision.collapsed,
    }


_ABOUT = {
    "rfc9111": "It follows RFC 9111, 5861, 8246, 9211 and 9213 as a shared cache. Cache-Status says what it did.",
    "cloudflare": "It follows Cloudflare's documented defaults; nothing is sent to Cloudflare. "
    "CF-Cache-Status says what it did.",
}
