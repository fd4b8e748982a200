"""`labctl sandbox edge`: a caching reverse proxy in front of any HTTP server, which says why it does what it does."""

from __future__ import annotations

import asyncio
import json
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labctl.cli import help_text
from labctl.cli.edge_line import line_of
from labctl.cli.outlet import Outlet
from labctl.cli.page import Page
from labctl.errors import UsageError

if TYPE_CHECKING:
    from labctl.sandbox.edge_exchange import EdgeDecision
    from labctl.sandbox.edge_standing import EdgePlan

SCHEMA = "labctl/edge/1"


class EdgeCommand(help_text.Unboxed, typer.core.TyperCommand):
    examples = (
        "sandbox edge http://127.0.0.1:5000",
        "sandbox edge http://127.0.0.1:5000 --profile cloudflare --listen 127.0.0.1:8081",
        "sandbox edge http://127.0.0.1:5000 --jsonl",
    )


def edge(
    server: Annotated[
        str, typer.Argument(metavar="URL", help="The server behind it: scheme, host and port.")
    ] = "",
    upstream: Annotated[str, typer.Option(metavar="URL", help="The same, as an option.")] = "",
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

    behind = _one_upstream(server, upstream)
    given = {"--upstream": behind, "--profile": profile, "--listen": listen, "--size": size}
    with _whole_commands(given):
        plan = EdgePlan(
            profile_named(profile).name,
            listen_address(listen),
            upstream_of(behind),
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


_USUAL = {"--profile": "rfc9111", "--listen": "127.0.0.1:8080", "--size": "64M"}


def _one_upstream(server: str, upstream: str) -> str:
    """The server behind the edge, given in one of two ways. Raises UsageError for none and for two."""
    if server and upstream and server != upstream:
        raise UsageError(
            "options-contradict",
            f"the server behind the edge is {server} or {upstream}: choose one",
            fixes=(shlex.join(["labctl", "sandbox", "edge", server]),),
        )
    if not (server or upstream):
        raise UsageError(
            "usage",
            "labctl sandbox edge needs the server behind it",
            fixes=("labctl sandbox edge --upstream http://127.0.0.1:5000", "labctl sandbox edge --help"),
        )
    return server or upstream


@contextmanager
def _whole_commands(given: dict[str, str]) -> Iterator[None]:
    """Let a fix that is an option be the command line that was typed, with this option mended."""
    try:
        yield
    except UsageError as error:
        fixes = []
        for fix in error.fixes:
            option, _, value = fix.partition(" ")
            if option in given:
                near = get_close_matches(given[option].lower(), _ABOUT, n=1) if option == "--profile" else []
                line = {**given, option: near[0] if near else value}
                later = [
                    word for name, said in line.items() if _USUAL.get(name) != said for word in (name, said)
                ]
                fix = shlex.join(["labctl", "sandbox", "edge", *later])
            fixes.append(fix)
        raise UsageError(error.code, error.headline, evidence=error.evidence, fixes=tuple(fixes)) from error


class _Lines:
    """What is printed, and the end of it all: a signal, or a reader of our output that is gone."""

    def __init__(self, plan: EdgePlan, jsonl: bool) -> None:
        self._plan = plan
        self._jsonl = jsonl
        self._page = Page()
        # 0: whoever reads a pipe or a file gets whole lines.
        self._columns = (self._page.plan.width or 0) if sys.stdout.isatty() else 0
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
            self.write(line_of(decision, self._page, self._columns))
        if not self._flushing and not self._held_up and self._loop is not None:
            self._flushing = True
            self._loop.call_soon(self.flush)

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
