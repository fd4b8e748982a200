"""One URL: the request, its response, and the same resource asked again in other ways."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from labctl.errors import CannotRun
from labctl.events import Event, Verdict
from labctl.fetch.exchange import Answer
from labctl.internet import Internet
from labctl.protocols.http1 import get_all
from labs.http import again, message
from labs.http.claims import FRAMING
from labs.http.peer import Desk, Peer, Unreached
from labs.http.target import Wanted
from labs.http.telling import command, measured, note, opening, result
from labs.http.words import elapsed_ms, ms, size, status_line


def visit(internet: Internet, wanted: Wanted, http2: bool) -> Iterator[Event]:
    """Raises CannotRun when nobody could be asked."""
    desk = Desk(internet)
    try:
        if http2:
            from labs.http.side_by_side import compare

            yield from compare(desk, wanted)
        else:
            with desk.reach(wanted.url) as peer:
                yield from _one(desk, peer, wanted)
    except Unreached as why:
        raise _cannot(why, wanted) from why
    yield from _footer(internet, wanted, http2)


def _one(desk: Desk, peer: Peer, wanted: Wanted) -> Iterator[Event]:
    # As most clients say it; with it one sees what compression saves.
    coded = () if _named(wanted, "accept-encoding") else (("Accept-Encoding", "gzip"),)
    fields = (*coded, *wanted.fields)
    answer = peer.ask(method=wanted.method, fields=fields, body=wanted.body, limits=desk.limits)
    request = peer.request(method=wanted.method, fields=fields, body=wanted.body)
    summary = f"{status_line(answer)}, {size(answer.body_bytes)}, {ms(elapsed_ms(answer))}"
    yield opening(f"{wanted.method} {wanted.url}", summary)
    if wanted.assumed:
        yield note(f"The URL names no scheme; {wanted.assumed} was assumed.")
    yield from message.request_table(request, answer)
    yield from message.response_table(answer)
    if answer.failure:
        yield note(answer.detail, "bad")
    yield from _measures(answer)
    yield judged_framing(answer)
    yield from _notes(answer, wanted)
    if not answer.failure and answer.status == 200 and wanted.method == "GET" and not wanted.body:
        yield from again.ask(desk, peer, answer, fields, everything=not wanted.given)
    if answer.failure:
        yield result(f"{wanted.url.host} gave no whole answer. {answer.detail}", "bad")
    else:
        yield result(
            f"{status_line(answer)}: {size(answer.body_bytes)} of content in {ms(elapsed_ms(answer))}."
        )


def _named(wanted: Wanted, name: str) -> bool:
    return any(key.lower() == name for key, _ in wanted.fields)


def _measures(answer: Answer) -> Iterator[Event]:
    if answer.status:
        yield measured("http.status", answer.status, f"The status is {answer.status}.")
    yield measured("http.content", answer.body_bytes, f"The content has {size(answer.body_bytes)}.", "B")
    sent, head = len(answer.request_raw), len(answer.raw_head)
    yield measured("http.request.bytes", sent, f"The request had {size(sent)}.", "B")
    yield measured("http.head.bytes", head, f"The response's head had {size(head)}.", "B")


def judged_framing(answer: Answer) -> Verdict:
    """What this one answer says about where messages end."""
    kind, length = answer.framing
    got = f"{answer.body_bytes:,}"
    if answer.failure == "closed-early" and answer.status:
        return FRAMING.judged(True, f"{answer.detail} Without a length nobody would know.")
    if answer.failure in ("two-lengths", "bad-chunk", "bad-length", "bad-coding"):
        return FRAMING.judged(True, f"The response was refused. {answer.detail}")
    if answer.failure or not answer.complete:
        return FRAMING.not_seen(f"The answer did not come to its end. {answer.detail}")
    if kind == "length":
        return FRAMING.judged(True, f"Content-Length said {length:,}, and {got} bytes came.")
    if kind == "chunked":
        return FRAMING.judged(True, f"A chunk of size 0 ended the content, after {got} bytes.")
    if kind == "close":
        return FRAMING.judged(True, f"The close ended the content, after {got} bytes.")
    return FRAMING.judged(True, f"A response with {answer.status} to this method has no content.")


def _notes(answer: Answer, wanted: Wanted) -> Iterator[Event]:
    from labctl.protocols import redirects

    there = redirects.after(
        answer.status, answer.fields, wanted.method, wanted.url, wanted.fields, wanted.body
    )
    if isinstance(there, redirects.Nowhere):
        yield note(there.why)
    elif there is not None:
        yield note(f"A client that follows sends {there.method} {there.url} next.")
        yield measured("http.redirect.method", there.method, f"The next request is a {there.method}.")
    if any("h3" in value for value in get_all(answer.fields, "Alt-Svc")):
        yield note("Alt-Svc says that HTTP/3 is spoken there too; a browser tries that the next time.")
    if answer.excess:
        yield note(
            f"{size(len(answer.excess))} came after the end of the response. Nobody asked for them: "
            "they are not read as another response, and the connection is closed."
        )


def _cannot(why: Unreached, wanted: Wanted) -> CannotRun:
    host = wanted.url.host
    evidence: tuple[tuple[str, str], ...] = (("asked", str(wanted.url)),)
    plain: tuple[str, ...] = ()
    if wanted.assumed:
        evidence += (("assumed", f"{wanted.assumed}, because the URL names no scheme"),)
        plain = (f"labctl http http://{wanted.url.text.partition('://')[2]}",)
    if why.phase == "name":
        fixes = (f"labctl dns {host}", *plain)
        return CannotRun("name-not-found", why.sentence, evidence=evidence, fixes=fixes)
    if why.phase == "connect":
        fixes = (*plain, f"labctl tcp {host}:{wanted.url.port}")
        return CannotRun("not-connected", why.sentence, evidence=evidence, fixes=fixes)
    fixes = (*plain, f"labctl tls {host}")
    return CannotRun("tls-failed", why.sentence, evidence=evidence, fixes=fixes)


def _footer(internet: Internet, wanted: Wanted, http2: bool) -> Iterator[Event]:
    words = ["curl", "-v"]
    if http2:
        words.append("--http2")
    if wanted.method != ("POST" if wanted.body else "GET"):
        words += ["-I"] if wanted.method == "HEAD" else ["-X", wanted.method]
    for name, value in wanted.fields:
        if (name, value) != ("Content-Type", "application/x-www-form-urlencoded"):
            words += ["-H", f"{name}: {value}"]
    if wanted.body:
        words += ["-d", wanted.body.decode("utf-8", "replace")]
    line = shlex.join([*words, str(wanted.url)])
    shell = "labctl shell -- " if internet.kind == "sandbox" else ""
    yield command("by hand", f"{shell}{line}", "" if http2 else "> is the request, < the response")
    if http2:
        yield command("next", "labctl http --show multiplexing")
    else:
        yield command(
            "next",
            f"labctl http {wanted.url} --http2"
            if wanted.url.scheme == "https"
            else "labctl http --show framing",
        )
