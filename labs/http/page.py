"""One URL: the request, its response, and the same resource asked again in other ways."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from labctl.errors import CannotRun
from labctl.events import Event, Hue, Verdict
from labctl.fetch.exchange import Answer
from labctl.internet import Internet
from labctl.protocols.http1 import get_all
from labctl.protocols.http_field_values import announces_http3
from labs.http import again, message
from labs.http.claims import FRAMING
from labs.http.peer import Desk, Peer, Unreached
from labs.http.target import Wanted
from labs.http.words import elapsed_ms, size, status_line
from labs.telling import command, measured, note, opening, result
from labs.words import count, ms


def visit(internet: Internet, wanted: Wanted, http2: bool) -> Iterator[Event]:
    """Raises CannotRun when the name has no address."""
    desk = Desk(internet)
    try:
        if http2:
            from labs.http.side_by_side import compare

            yield from compare(desk, wanted)
        else:
            with desk.reach(wanted.url) as peer:
                yield from _one(desk, peer, wanted)
    except Unreached as why:
        if why.phase == "name":
            raise _nobody(why, wanted) from why
        yield from _not_asked(why, wanted)
        yield _by_hand(internet, wanted, http2)
        return
    yield from _footer(internet, wanted, http2)


def _one(desk: Desk, peer: Peer, wanted: Wanted) -> Iterator[Event]:
    # As most clients say it; with it one sees what compression saves.
    own = _named(wanted, "accept-encoding") or "accept-encoding" in wanted.dropped
    fields = (*(() if own else (("Accept-Encoding", "gzip"),)), *wanted.fields)
    answer = peer.ask(
        method=wanted.method, fields=fields, body=wanted.body, limits=desk.limits, dropped=wanted.dropped
    )
    request = peer.request(method=wanted.method, fields=fields, body=wanted.body, dropped=wanted.dropped)
    came = (
        f"{status_line(answer)}, {answer.failure}"
        if answer.status and answer.failure
        else status_line(answer)
    )
    summary = f"{came}, {size(answer.body_bytes)}, {ms(elapsed_ms(answer))}"
    yield opening(f"{wanted.method} {wanted.url}", summary)
    if wanted.assumed:
        yield note(f"The URL names no scheme; {wanted.assumed} was assumed.")
    if wanted.url.fragment:
        yield note(f"#{wanted.url.fragment} is for the client alone: it is not sent.")
    if wanted.body and wanted.method in ("GET", "HEAD", "DELETE"):
        yield note(f"Content with {wanted.method} means nothing that RFC 9110 knows: some servers refuse it.")
    yield from message.request_table(request, answer)
    yield from message.response_table(request, answer)
    if answer.failure:
        yield note(answer.detail, "bad")
    seen, told = framing_seen(answer)
    # Where no whole answer came, nothing was measured or judged, and the exit code says so.
    if seen or not answer.failure:
        yield from _measures(answer)
    yield from _notes(answer, wanted)
    if seen and not wanted.given:
        yield again.both_lengths(desk, told)
    elif seen or not answer.failure:
        yield judged_framing(answer)
    if not answer.failure and answer.status == 200 and wanted.method == "GET" and not wanted.body:
        yield from again.ask(desk, peer, answer, fields, wanted.dropped, everything=not wanted.given)
    if answer.failure:
        yield result(f"{wanted.url.host} gave no whole answer. {answer.detail}", "bad")
    else:
        hue: Hue = "bad" if answer.status >= 500 else "warn" if answer.status >= 400 else "ok"
        yield result(
            f"{status_line(answer)}: {size(answer.body_bytes)} of content in {ms(elapsed_ms(answer))}.", hue
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
    """What this one answer says about where messages end: half of the claim, for nobody was sent both lengths."""
    seen, told = framing_seen(answer)
    return FRAMING.not_seen(
        f"{told} A request with both lengths at once was not tried here." if seen else told
    )


def framing_seen(answer: Answer) -> tuple[bool, str]:
    """Whether its end was where it said, or it was refused for saying no end; and what was seen, in a sentence."""
    kind, length = answer.framing
    came = count(answer.body_bytes, "byte")
    if answer.failure == "closed-early" and answer.status:
        return True, (f"{answer.detail} Without a length nobody would know.")
    if answer.failure in ("two-lengths", "bad-chunk", "bad-length", "bad-coding"):
        return True, (f"The response was refused. {answer.detail}")
    if answer.failure or not answer.complete:
        return False, (f"The answer did not come to its end. {answer.detail}")
    if answer.excess and answer.status != 101:
        return False, (f"{size(len(answer.excess))} more came than the head says, and were not believed.")
    if kind == "length":
        return True, (f"Content-Length said {length:,}, and {came} came.")
    if kind == "chunked":
        return True, (f"A chunk of size 0 ended the content, after {came}.")
    if kind == "close":
        return True, (f"The close ended the content, after {came}.")
    return True, (f"A response with {answer.status} to this method has no content.")


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
    if any(announces_http3(value) for value in get_all(answer.fields, "Alt-Svc")):
        yield note("Alt-Svc says that HTTP/3 is spoken there too; a browser tries that the next time.")
    if answer.excess and answer.status == 101:
        yield note(f"{size(len(answer.excess))} came already in the other protocol.")
    elif answer.excess:
        yield note(
            f"{size(len(answer.excess))} came after the end of the response. Nobody asked for them: "
            "they are not read as another response, and the connection is closed."
        )


def _nobody(why: Unreached, wanted: Wanted) -> CannotRun:
    host = wanted.url.host
    evidence = (("asked", str(wanted.url)), ("got", why.sentence))
    return CannotRun(
        "name-not-found",
        f"{host} has no address that could be found",
        evidence=evidence,
        fixes=(f"labctl dns {host}",),
    )


def _not_asked(why: Unreached, wanted: Wanted) -> Iterator[Event]:
    """There is an address, and no connection or no TLS: what the peer did is evidence (DESIGN.md section 9)."""
    tls = why.phase == "tls"
    yield opening(f"{wanted.method} {wanted.url}", "no TLS" if tls else "no connection")
    yield result(why.sentence, "bad")
    if wanted.assumed:
        plain = f"labctl http http://{wanted.url.text.partition('://')[2]}"
        yield command("or", plain, f"the URL names no scheme, and {wanted.assumed} was assumed")
    where = f"{f'[{wanted.url.host}]' if ':' in wanted.url.host else wanted.url.host}:{wanted.url.port}"
    yield command("why", f"labctl {'tls' if tls else 'tcp'} {where}")


def _footer(internet: Internet, wanted: Wanted, http2: bool) -> Iterator[Event]:
    yield _by_hand(internet, wanted, http2)
    if http2:
        yield command("next", "labctl http --show multiplexing")
    else:
        yield command(
            "next",
            f"labctl http {wanted.url} --http2"
            if wanted.url.scheme == "https"
            else "labctl http --show framing",
        )


def _by_hand(internet: Internet, wanted: Wanted, http2: bool) -> Event:
    words = ["curl", "-v"]
    if http2:
        words.append("--http2")
    if wanted.method != ("POST" if wanted.data else "GET"):
        words += ["-I"] if wanted.method == "HEAD" and not wanted.data else ["-X", wanted.method]
    for line in wanted.headers:
        words += ["-H", line]
    for part in wanted.data:
        # Bytes that are no text cannot be typed; the line shows which they were.
        words += ["-d", part.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")]
    line = shlex.join([*words, str(wanted.url)])
    shell = "labctl shell -- " if internet.kind == "sandbox" else ""
    return command("by hand", f"{shell}{line}", "" if http2 else "-v shows both messages")
