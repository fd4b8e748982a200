"""A connection dies after the request: which requests a client may send once more."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from labctl.events import Event, Row
from labctl.fetch.exchange import Answer
from labctl.protocols.http_statuses import METHODS
from labs.http.claims import IDEMPOTENT
from labs.http.peer import Desk, Peer
from labs.http.telling import came, lost, sent
from labs.http.words import brief
from labs.telling import about, heading, measured, opening, result, table
from labs.words import count

SITE = "raw.shop.test"
ATTEMPTS = 2


def show(desk: Desk) -> Iterator[Event]:
    yield opening("the connection dies", "was it done, or not?")
    tried: dict[str, list[Answer]] = {}
    for method in ("GET", "POST"):
        yield heading(f"{method} /dies/{method.lower()}", "the server does it, and is gone before it answers")
        answers = yield from _client(desk, method)
        tried[method] = answers
    counters = desk.web.counters
    done = {method: counters[f"{SITE}/dies/{method.lower()}"] for method in tried}
    yield measured("http.retry.get", done["GET"], f"The server did the GET {count(done['GET'], 'time')}.")
    yield measured("http.retry.post", done["POST"], f"The server did the POST {count(done['POST'], 'time')}.")
    yield _methods()
    repeated = done["GET"] == ATTEMPTS and tried["GET"][-1].status == 200
    yield IDEMPOTENT.judged(
        repeated and done["POST"] == 1,
        f"The server counted: GET was done {count(done['GET'], 'time')}, POST {count(done['POST'], 'time')}.",
    )
    if done["POST"] == 1:
        yield result("A POST that got no answer: look first whether it was done, or send an Idempotency-Key.")
    else:
        yield result("Two orders were placed, and the customer pressed the button once.", "bad")


def _client(desk: Desk, method: str) -> Generator[Event, None, list[Answer]]:
    """Our client: a request on a connection that was used before; once more on a new one where that is allowed."""
    answers: list[Answer] = []
    peer = desk.reach(f"http://{SITE}/")
    peer.ask("/empty")
    for attempt in range(ATTEMPTS):
        answer = _ask(peer, method)
        answers.append(answer)
        peer.close()
        again = "" if attempt == 0 else ", once more"
        yield sent(answer.times.sent_at, f"{method}{again}", f"{method} is sent{again}.", to=SITE)
        if not answer.failure:
            at = answer.times.head_at or answer.times.sent_at
            yield came(at, f"{answer.status}", f"The answer is {answer.status}.", by=SITE)
            break
        at = answer.times.end_at or answer.times.sent_at
        yield lost(at, "RST, no answer", f"No answer. {answer.detail}", by=SITE)
        if not may_repeat(method, desk.habits):
            yield about(method, "It is not idempotent: the client does not repeat it, and tells the person.")
            break
        if attempt + 1 < ATTEMPTS:
            peer = desk.reach(f"http://{SITE}/")
    return answers


def may_repeat(method: str, habits: frozenset[str]) -> bool:
    """Whether our client sends it again by itself (RFC 9110 section 9.2.2)."""
    known = METHODS.get(method)
    return "post-repeated" in habits or (known is not None and known.idempotent)


def _ask(peer: Peer, method: str) -> Answer:
    return peer.ask(f"/dies/{method.lower()}", method=method, body=b"" if method == "GET" else b"item=1")


def _methods() -> Event:
    rows = [
        Row(
            text=f"{name}: {each.sentence} Safe: {'yes' if each.safe else 'no'}. "
            f"Idempotent: {'yes' if each.idempotent else 'no'}. {each.source}.",
            cells=(
                name,
                "yes" if each.safe else "no",
                "yes" if each.idempotent else "no",
                f"{each.sentence} ({brief(each.source)})" if each.source.startswith("RFC") else each.sentence,
            ),
            hues=("accent", "ok" if each.safe else "mute", "ok" if each.idempotent else "warn"),
        )
        for name, each in METHODS.items()
        if name != "TRACE"
    ]
    note = "safe: changes nothing   idempotent: twice is as good as once"
    return table("methods", "The methods", ("", "safe", "idempotent", "it asks"), rows, note=note)
