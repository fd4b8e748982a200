"""The old way to send a body."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.events import Event
from labctl.internet import Internet
from labs.by_hand import of_python
from labs.telling import about, command, measured, opening, result
from labs.words import count
from labs.wsgi.ladder import ladder
from labs.wsgi.stage import observed, staged


def show(internet: Internet) -> Iterator[Event]:
    with staged(internet) as stage:
        seen = observed(stage.stand("writing", "toy", trace=True))
        written = seen.of("write")
        yield opening("write(), from before iterables", f"{len(written)} calls")
        yield from ladder(seen, "/")
        yield about("write", "is what start_response returns. It sends at once, and waits for the client.")
        yield about("so", "nobody can wait for something else meanwhile; new code returns an iterable.")
        yield about("order", "what was written comes before what the iterable gives.")
        yield measured("wsgi.writes", len(written), f"write() was called {count(len(written), 'time')}.")
        whole = b"".join([b"first by write(), ", b"then again, ", b"and last by the iterable.\n"])
        yield result(
            f"{count(len(seen.answer.body), 'byte')} came, in the order of the calls.",
            "ok" if seen.answer.body == whole else "bad",
        )
    yield command("by hand", f"{of_python('gunicorn')} labs.wsgi.apps.writing:app", "then curl -i")
    yield command("next", "labctl wsgi --show callable")
