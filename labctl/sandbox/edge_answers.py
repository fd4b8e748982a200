"""What the edge puts on a response: Via, Cache-Status (RFC 9211), the profile's fields; and answers of its own."""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING

from labctl.protocols.cache_status import CacheStatus, of_outcome, seconds_left
from labctl.protocols.caching_model import Because, CacheResponse, Outcome, Use
from labctl.protocols.caching_words import cf_cache_status
from labctl.protocols.http1 import Fields, Framing, MessageError, RequestHead, get, without
from labctl.protocols.http_dates import write_http_date
from labctl.sandbox.edge_flow import Flow, Sink
from labctl.sandbox.edge_profile import PSEUDONYM

if TYPE_CHECKING:
    from labctl.sandbox.edge import Edge
    from labctl.sandbox.edge_exchange import Exchange

VIA = ("Via", f"1.1 {PSEUDONYM}")
# Who may purge: the machine that the edge runs on.
_LOOPBACK = ("127.", "::1", "::ffff:127.")
_SECRET = ("Authorization", "Cookie", "Proxy-Authorization")


@lru_cache(maxsize=256)
def cache_status(status: CacheStatus) -> tuple[str, str]:
    """The Cache-Status field, as `cache_status.write` would have it (a test compares them), only faster."""
    parts = [status.cache]
    if status.hit:
        parts.append("hit")
    if status.forwarded:
        parts.append(f"fwd={status.forwarded}")
    if status.forwarded_status is not None:
        parts.append(f"fwd-status={status.forwarded_status}")
    if status.ttl is not None:
        parts.append(f"ttl={status.ttl}")
    if status.stored:
        parts.append("stored")
    if status.collapsed:
        parts.append("collapsed")
    if status.detail is not None:
        detail = status.detail.encode("ascii", "replace").decode("ascii")
        detail = "".join(c if " " <= c <= "~" else "?" for c in detail)[:200]
        parts.append('detail="{}"'.format(detail.replace("\\", "\\\\").replace('"', '\\"')))
    return ("Cache-Status", "; ".join(parts))


def finished(exchange: Exchange, fields: Fields, word: str, told: tuple[str, str]) -> Fields:
    """`fields` with all that the edge adds, `told` being Cache-Status, and without what the profile hides."""
    profile = exchange.edge.profile
    if profile.hidden:
        fields = tuple([pair for pair in fields if pair[0].lower() not in profile.hidden])
    return (*fields, VIA, *profile.response_fields(word, exchange.ray), told)


@lru_cache(maxsize=256)
def both(why: Because, then: Because, stored: bool) -> Because:
    """Why the origin was asked, and why its answer is kept or not, with the rule of each."""
    words = f"{why.words}; {'kept' if stored else 'not kept'}: {then.words}"
    if why.words == then.words:
        words = why.words
    rule = why.rule if why.rule == then.rule else f"{why.rule}; {then.rule}"
    return Because(words, rule, then.directive or why.directive)


def pass_on(
    leader: Exchange,
    use: Use,
    outcome: Outcome,
    response: CacheResponse,
    flow: Flow,
    framing: Framing,
    *,
    stored: bool,
    now: float,
) -> None:
    """The origin's response to the client that it was fetched for, as it comes."""
    if flow.complete and not flow.trailers:
        pass_whole(leader, use, outcome, response, flow.whole, framing, stored=stored, now=now)
        return
    if leader.method == "HEAD" or response.status in (204, 304):
        pass_whole(leader, use, outcome, response, b"", framing, stored=stored, now=now)
        if not flow.complete and not flow.keep:
            leader.deserted()
        return
    fields = _passed(leader, use, outcome, response, stored, now)
    leader.sink.stream(response.status, response.reason, fields, flow, framing.kind == "length")


def pass_whole(
    leader: Exchange,
    use: Use,
    outcome: Outcome,
    response: CacheResponse,
    body: bytes,
    framing: Framing,
    *,
    stored: bool,
    now: float,
    came: bytes = b"",
) -> None:
    """The origin's response to the client that it was fetched for, all at once; `came`: its head, if all goes on."""
    fields = _passed(leader, use, outcome, response, stored, now)
    if came and leader.method == "GET" and framing.kind == "length" and not leader.edge.profile.hidden:
        added = len(fields) - len(response.fields)
        leader.sink.whole(response.status, response.reason, fields, body, came, added)
        return
    if leader.method == "HEAD" or response.status in (204, 304):
        body = b""
        if leader.method == "HEAD" and framing.kind == "length" and "content-length" not in response.named:
            fields = (*fields, ("Content-Length", str(framing.length)))
    elif framing.kind != "length":
        fields = (*fields, ("Content-Length", str(len(body))))
    leader.sink.whole(response.status, response.reason, fields, body)


def _passed(
    leader: Exchange, use: Use, outcome: Outcome, response: CacheResponse, stored: bool, now: float
) -> Fields:
    """Write down what was done, and give the fields of the answer."""
    word = cf_cache_status(leader.edge.profile.rules, use, outcome)
    kept = outcome.store
    if stored and kept is not None and use.stored is None and outcome.serve == "origin":
        why, told = _kept(
            use.because, outcome.because, use.forwarded, response.status, seconds_left(kept, now)
        )
        leader.decided(now, word, why, None, True, response.status)
        return finished(leader, response.fields, word, told)
    status = of_outcome(PSEUDONYM, use, outcome, answered=response.status, now=now)
    if status.stored and not stored:
        status = status._replace(stored=False, ttl=None, detail="too big to be kept")
    leader.decided(now, word, both(use.because, outcome.because, stored), None, True, response.status)
    return finished(leader, response.fields, word, cache_status(status))


@lru_cache(maxsize=512)
def _kept(
    why: Because, then: Because, forwarded: str, answered: int, ttl: int
) -> tuple[Because, tuple[str, str]]:
    """What most misses say: the reason, and the Cache-Status of `of_outcome`."""
    status = CacheStatus(
        PSEUDONYM, forwarded=forwarded or "miss", forwarded_status=answered, ttl=ttl, stored=True
    )
    return both(why, then, True), cache_status(status)


def refuse(exchange: Exchange, status: int, sentence: str, because: Because) -> None:
    """An answer of our own, with a sentence as content."""
    error_answer(exchange.sink, exchange.edge, exchange.method, exchange.ray, status, sentence, because.words)


def error_answer(
    sink: Sink, edge: Edge, method: str, ray: str, status: int, sentence: str, detail: str
) -> None:
    """Status, one sentence, and Cache-Status with the reason."""
    reason = _reason(status)
    content = f"{status} {reason}: {sentence}\n".encode()
    fields: Fields = (
        ("Date", write_http_date(edge.clock())),
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(content))),
        ("Cache-Control", "no-store"),
        VIA,
        *edge.profile.response_fields("NONE", ray),
        cache_status(CacheStatus(PSEUDONYM, detail=detail)),
    )
    sink.whole(status, reason, fields, b"" if method == "HEAD" else content)


def refuse_message(sink: Sink, edge: Edge, head: RequestHead | None, error: MessageError) -> None:
    """What is no HTTP message is answered with the reason."""
    method = head.method if head is not None else ""
    error_answer(sink, edge, method, edge.profile.ray(), error.status, error.sentence, error.code)


def purge(exchange: Exchange) -> None:
    """PURGE of a URL, from this machine only."""
    edge = exchange.edge
    if not exchange.client.startswith(_LOOPBACK):
        because = Because("PURGE from another machine", "labctl sandbox edge", "")
        exchange.refuse(403, "Only the machine that the edge runs on may purge.", because)
        return
    gone = edge.purge(exchange.url)
    content = f"Purged {gone} stored response{'' if gone == 1 else 's'} of {exchange.url}.\n".encode()
    because = Because(f"{gone} forgotten", "labctl sandbox edge", "")
    exchange.decided(edge.clock(), "PURGED", because, None, False, 200)
    fields: Fields = (
        ("Date", write_http_date(edge.clock())),
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(content))),
        VIA,
        *edge.profile.response_fields("NONE", exchange.ray),
        cache_status(CacheStatus(PSEUDONYM, detail=f"{gone} purged")),
    )
    exchange.sink.whole(200, "OK", fields, content)


def one_hop_less(exchange: Exchange) -> Fields | None:
    """Max-Forwards counted down (RFC 9110 section 7.6.2); None when it was 0 and the answer is given."""
    head = exchange.head
    left = get(head.fields, "Max-Forwards") or ""
    if not (left.isascii() and left.isdigit()):
        return head.fields
    if int(left[:9]) > 0:
        return (*without(head.fields, "Max-Forwards"), ("Max-Forwards", str(int(left[:9]) - 1)))
    edge = exchange.edge
    because = Because("Max-Forwards: 0 ends here", "RFC 9110 section 7.6.2", "max-forwards")
    exchange.decided(edge.clock(), "NONE", because, None, False, 200)
    content = b""
    fields: Fields = (("Date", write_http_date(edge.clock())),)
    if head.method == "TRACE":
        lines = [f"{n}: {v}\r\n" for n, v in without(head.fields, *_SECRET)]
        content = f"TRACE {head.target} HTTP/{head.version}\r\n{''.join(lines)}\r\n".encode("latin-1")
        fields = (*fields, ("Content-Type", "message/http"))
    fields = (*fields, ("Content-Length", str(len(content))))
    status = CacheStatus(PSEUDONYM, detail="Max-Forwards: 0")
    exchange.sink.whole(200, "OK", finished(exchange, fields, "NONE", cache_status(status)), content)
    return None


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
