"""When status and headers go out, and what can still be taken back."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event, Hue, Row
from labctl.internet import Internet
from labctl.serving.asking import Ask
from labs.by_hand import of_python
from labs.telling import about, command, heading, measured, opening, result, table
from labs.words import count
from labs.wsgi.claims import LAZY_HEAD, TOO_LATE
from labs.wsgi.ladder import ladder
from labs.wsgi.stage import Seen, observed, staged
from labs.wsgi.words import failure_of, status_of

WAYS = (
    ("raises-before", "200, then an exception"),
    ("mends-before", "200, then 503 with exc_info"),
    ("raises-after", "200, 10 bytes, an exception"),
)


def show(internet: Internet) -> Iterator[Event]:
    with staged(internet) as stage:
        sync = stage.stand("mounted", "sync", trace=True)
        found = {name: observed(sync, Ask(f"/{name}", timeout_s=3.0)) for name, _ in WAYS}
        yield opening("when the status goes out", "gunicorn sync")
        yield heading("Nothing is sent before the first bytes", "so the status can still change")
        yield from ladder(found["mends-before"], "/mends-before", server="gunicorn")
        yield heading("After them it is too late", "the connection is all that can be cut")
        yield from ladder(found["raises-after"], "/raises-after", server="gunicorn")
        rows = [_row(name, does, found[name]) for name, does in WAYS]
        yield table("ways", "Three ways to fail", ("application", "what it does", "the client has"), rows)
        yield about("sr", "is start_response; it takes a status, a list of headers, and exc_info.")
        yield about(
            "exc_info", "sys.exc_info(): with it start_response may be called again, until bytes are out."
        )
        yield from _judged(found)
    yield result("A 200 says how it began. Whether all came, only the framing can say.")
    yield command(
        "by hand", f"{of_python('gunicorn')} labs.wsgi.apps.violations:raises_after", "then curl -i"
    )
    yield command("next", "labctl wsgi --show write")


def _got(seen: Seen) -> str:
    answer = seen.answer
    failed = f", {failure_of(answer)}" if answer.failure and answer.status else ""
    return f"{status_of(answer)}, {len(answer.body)} B{failed}"


def _row(name: str, does: str, seen: Seen) -> Row:
    hue: Hue = "warn" if seen.answer.failure else "ok"
    return Row(
        f"{name}: {does}; the client has {_got(seen)}.",
        (name, does, _got(seen)),
        hues=("accent", "mute", hue),
    )


def _judged(found: dict[str, Seen]) -> Iterator[Event]:
    before, mended, after = (found[name].answer for name, _ in WAYS)
    yield measured(
        "wsgi.cut.bytes", len(after.body), f"{count(len(after.body), 'byte')} came before it was cut.", "B"
    )
    yield LAZY_HEAD.judged(
        before.status == 500 and mended.status == 503,
        f"After start_response with 200 the client got {status_of(before)} when the application raised,"
        f" and {status_of(mended)} when it started again.",
    )
    yield TOO_LATE.judged(
        after.status == 200 and bool(after.failure),
        f"The client has {status_of(after)} and {count(len(after.body), 'byte')};"
        f" {'the end of the body never came' if after.failure else 'nothing was cut'}.",
    )
