"""The learner's own application, traced without being changed: what it got, what it gave, how long that took."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from shlex import quote

from labctl.events import Event, Hue, Row
from labctl.internet import Internet
from labctl.serving.application import App
from labctl.serving.evidence import places
from labctl.serving.standing import Kind, Standing
from labs.expecting import checked
from labs.telling import about, command, measured, note, opening, result, table, warning
from labs.words import count, ms
from labs.wsgi.ladder import ladder
from labs.wsgi.stage import NAMES, Seen, observed, staged
from labs.wsgi.telling import environ_table, wire_table
from labs.wsgi.wanted import Wanted
from labs.wsgi.words import cut, failure_of, raised, status_of

_LOG_LINES = 4
# Lines of gunicorn's log, and of the access logs of wsgiref and werkzeug; and what colours them.
_SERVERS = re.compile(
    r"\[\d{4}-\d\d-\d\d |127\.0\.0\.1 - - \[| \* |WARNING: This is a development|Press CTRL"
)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# How long a traceback, and the end of a process, may be on their way.
_ON_ITS_WAY_S = 0.5
# Of a body without an end so many bytes are read.
_MOST = 1 << 27
# How labctl.serving.wsgi_replay begins its sentence.
UNSIZED = "the size is missing"


def traced(
    internet: Internet, app: App, wanted: Wanted, kind: Kind, boot_timeout_s: float
) -> Iterator[Event]:
    """One request, seen from inside. Raises CannotRun for an application that cannot be served."""
    request = wanted.request
    with staged(internet) as stage:
        standing = stage.stand_app(app, kind, trace=True, boot_timeout_s=boot_timeout_s)
        seen = observed(standing, request._replace(timeout_s=stage.timeout_s), most=_MOST)
        if seen.answer.failure == "timeout":
            standing.end(0)  # a thread that hangs would not let it end by itself
        yield opening(
            f"{app.target}, from the socket and back", f"{request.method} {cut(request.target, 30)}"
        )
        if request.method != request.method.upper():
            yield note(
                f"Methods have capital and small letters: {request.method} is not {request.method.upper()}."
            )
        yield from ladder(seen, request.target, NAMES[kind], cut(app.target, 20), request.method)
        yield about("sr", "is start_response; what the application gives is on its arrows.")
        yield wire_table(request.target, request.method, request.fields, seen)
        if seen.environ:
            yield environ_table(seen, "What your application was given")
        yield from _times(seen)
        yield from _valid(seen, NAMES[kind])
        yield from _said(standing, seen)
        yield from _ending(standing, seen, stage.timeout_s)
        line = f"{request.method} {cut(request.target, 60)}"
        yield from checked("wsgi.own.unexpected", line, seen.answer, wanted.allowed)
    yield from _footers(app, wanted, kind)


def _times(seen: Seen) -> Iterator[Event]:
    """How long each piece took inside of the application."""
    returned, closed = seen.of("returned"), seen.of("close")
    pieces = [("the call", event.data["took_ms"], "until it returned") for event in returned]
    for event in closed:
        pieces.append(
            ("the items", event.data["items_ms"], f"{count(event.data['items'], 'item')}, one after another")
        )
    pieces += [
        ("close()", event.data["took_ms"], "behind the last item") for event in closed if event.data["closes"]
    ]
    if not pieces:
        return
    inside = sum(took for _, took, _ in pieces)
    whole = seen.answer.end_ms
    outside = max(whole - inside, 0.0)
    pieces.append(("outside", outside, "connecting, the server, the way back"))
    total = inside + outside or 1.0
    rows = [
        Row(
            f"{name} took {ms(took)}, {took / total:.0%} of {ms(total)}: {remark}.",
            (name, ms(took), remark),
            share=took / total,
        )
        for name, took, remark in pieces
    ]
    shown = table("times", "How long each piece took", ("piece", "time", ""), rows, named=False)
    yield replace(shown, form="shares")
    yield measured("wsgi.own.inside", round(inside, 1), f"Your application took {round(inside, 1)} ms.", "ms")


def _valid(seen: Seen, server: str) -> Iterator[Event]:
    said = seen.said
    if said is None:
        why = "the request has no end" if seen.environ else "your application was not called"
        yield about("validate", f"wsgiref.validate was not asked: {why}.")
    elif said.startswith(UNSIZED) and "wsgi.input_terminated" in seen.environ:
        yield about("validate", f"wsgiref.validate says: {said}.")
        yield about(
            "and yet", "wsgi.input_terminated stands in environ: this server's input ends with the content."
        )
    elif said:
        yield warning(f"wsgiref.validate says: {' '.join(said.split())}")
    elif seen.of("raised"):
        yield about("validate", "wsgiref.validate has nothing to say about what came before the exception.")
    else:
        yield about("validate", "wsgiref.validate has nothing to say: the contract was kept.")
    for event in seen.of("valid"):
        if event.data["server"]:
            yield about(server, f"has what validate would stop at: {event.data['server']}.")
    for event in seen.of("start_response"):
        if event.data["refused"]:
            yield warning(f"The server refused start_response: {event.data['refused'].rstrip('.')}.")


def _said(standing: Standing, seen: Seen) -> Iterator[Event]:
    """What it printed, an exception's traceback included."""
    for event in seen.of("raised"):  # the answer may overtake it
        standing.says(event.data["error"], timeout_s=_ON_ITS_WAY_S)
    log = _COLOUR.sub("", standing.log())
    lines = [line.rstrip() for line in log.splitlines() if line.strip() and not _SERVERS.match(line)]
    if not lines or not (seen.of("raised") or seen.answer.status >= 500 or not seen.answer.status):
        if lines:
            yield note(f"It printed {count(len(lines), 'line')}; the last one: {cut(lines[-1], 100)}")
        return
    rows = [Row(line.strip(), (cut(line, 100),), hues=("mute",)) for line in lines[-_LOG_LINES:]]
    left = len(lines) - len(rows)
    yield table(
        "log",
        "What it printed",
        ("line",),
        rows,
        note=f"the last {len(rows)} of {len(lines)} lines" if left else "",
        named=False,
    )


def _ending(standing: Standing, seen: Seen, timeout_s: float) -> Iterator[Event]:
    answer = seen.answer
    said = f"The status was {answer.status}." if answer.status else "There was no status, which counts as 0."
    yield measured("wsgi.own.status", answer.status, said)
    # What it did when the client had gone is no news.
    last = next((event.kind for event in reversed(seen.events) if seen.at_ms(event) < answer.end_ms), "")
    if answer.failure == "timeout":
        where = {
            "": "it was not even called",
            "environ": "it was called, and has not returned",
        }.get(last, "it was still busy with its body")
        yield result(f"No whole answer within {timeout_s:g} s: {where}.", "bad")
        yield note(
            "A view that blocks holds its thread or its worker: labctl workers shows what that does to others."
        )
        return
    for event in seen.of("raised")[:1]:
        yield about("raised", raised(event.data))
    yield from _ended(standing, seen)
    failed = f", {failure_of(answer)}" if answer.failure and answer.status else ""
    unseen = bool(seen.of("raised")) and 0 < answer.status < 500 and not answer.failure
    if unseen:
        failed = ", and nothing tells the client that the application failed"
    hue: Hue = "ok" if 0 < answer.status < 500 and not answer.failure and not unseen else "bad"
    yield result(
        f"{status_of(answer)}, {count(len(answer.body), 'byte')} in {ms(answer.end_ms)}{failed}.", hue
    )


def _ended(standing: Standing, seen: Seen) -> Iterator[Event]:
    """A server that its application took along."""
    if seen.answer.failure not in ("empty", "reset", "cut"):
        return
    status = standing.wait(_ON_ITS_WAY_S)
    others = seen.others + standing.events()
    gone = [event.data for event in others if event.kind == "gone"]
    if status is None and not gone:
        return
    number = -status if status is not None and status < 0 else (gone[0].get("signal") if gone else None)
    how = f"was killed by signal {number}" if number else "ended"
    if status is not None and status > 0:
        how = f"ended with status {status}"
    whose = "The server's process" if status is not None else "The worker's process"
    yield warning(f"{whose} {how} in the middle of the request.")
    for event in [event for event in others if event.kind == "leaving"][:1]:
        for _, where in places(standing.app, event.data["at"])[-1:]:
            yield about("os._exit", f"was called in {where}.")


def _footers(app: App, wanted: Wanted, kind: Kind) -> Iterator[Event]:
    request, words = wanted.request, wanted.words
    target = quote(app.target)
    yield command(
        "by hand",
        " ".join(["curl -i", *words, quote(f"http://127.0.0.1:8000{request.target}")]),
        "with a server at 8000",
    )
    other = "sync" if kind == "toy" else "toy"
    same = " ".join(
        [*([f"--path {quote(request.target)}"] if request.target != "/" else []), *words, f"--server {other}"]
    )
    yield command("or", f"labctl wsgi {target} {same}", NAMES[other])
    yield command(
        "next", f"labctl flask {target} {request.method} {quote(request.target)}", "inside of a Flask"
    )
