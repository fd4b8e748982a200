"""What the bytes of a request become in environ, under each server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import NamedTuple

from labctl.events import Event, Hue, Row
from labctl.internet import Internet
from labctl.serving.asking import Ask
from labctl.serving.standing import Kind, Standing
from labs.by_hand import of_python
from labs.telling import about, command, measured, note, opening, result, table
from labs.words import count, listed
from labs.wsgi.claims import INPUT, PATH, REPEATED, UNDERSCORES
from labs.wsgi.stage import NAMES, asked, staged
from labs.wsgi.words import cut

TARGET = "/caf%C3%A9/environ%2Fhere?q=caf%C3%A9"
# Bytes of UTF-8, each as the character that Latin-1 has for it.
DECODED = "/caf\u00c3\u00a9/environ/here"
FIELDS = (("X-Tag", "a"), ("X-Tag", "b"), ("X_User", "mallory"))
CONTENT = b"twelve bytes"
_ONCE = f"{len(CONTENT)} then 0"
# These hand out the socket, and a second read waits for ever.
_WAITING, _SHORT_S, _LONG_S = ("wsgiref", "flask"), 0.6, 5.0
_READ = {"waits": "the second read of the content waits", "fails": "reading the content twice failed"}


class Given(NamedTuple):
    """`environ` as the application told it, and what came of reading the content twice."""

    environ: dict[str, object]
    reads: str


def show(internet: Internet) -> Iterator[Event]:
    with staged(internet) as stage:
        standings = stage.stand_all("mounted")
        found = _asked(standings)
        yield opening("from bytes to environ", f"{len(found)} servers")
        yield about("sent", f"GET {TARGET}")
        yield about("with", listed([f"{name}: {value}" for name, value in FIELDS]))
        rows = [_row(kind, given) for kind, given in found.items()]
        yield table(
            "environ",
            "What the application was given",
            ("server", "PATH_INFO", "X-Tag", "X_User", "read twice"),
            rows,
        )
        for each in stage.missing:
            yield note(f"{NAMES[each.kind]} is left out: {each.why}.")
        yield about(
            "PATH_INFO",
            "has the bytes c3 a9 as \u00c3\u00a9: .encode('latin-1').decode() makes \u00e9 of them.",
        )
        yield about("%2F", "came out as /: who needs the difference takes RAW_URI, if the server has it.")
        yield about(
            "X_User", "a proxy that removes X-User from strangers lets X_User pass: one key for both."
        )
        yield about(
            "twice",
            "reading again gives nothing, or waits for ever: wsgiref and flask run hand out the socket.",
        )
        yield from _judged(found)
    yield result("environ is CGI from 1993: texts, one per name, and what was two may have become one.")
    yield command(
        "by hand",
        f"{of_python('gunicorn')} labs.wsgi.apps.mounted:app",
        "curl -H 'X_User: me' http://127.0.0.1:8000/environ",
    )
    yield command("next", "labctl wsgi --show start-response")


def _asked(standings: dict[Kind, Standing]) -> dict[Kind, Given]:
    found: dict[Kind, Given] = {}

    def one(kind: Kind, standing: Standing) -> None:
        answer = asked(standing, Ask(TARGET, fields=FIELDS))
        patience = _SHORT_S if kind in _WAITING else _LONG_S
        reads = asked(standing, Ask("/reads-twice", "POST", body=CONTENT, timeout_s=patience))
        try:
            environ = json.loads(answer.body)
        except ValueError:
            environ = {}
        found[kind] = Given(
            environ, reads.text if reads.status == 200 else "waits" if reads.failure == "timeout" else "fails"
        )

    threads = [threading.Thread(target=one, args=pair, name=f"ask {pair[0]}") for pair in standings.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {kind: found[kind] for kind in standings}


def _row(kind: Kind, given: Given) -> Row:
    environ = given.environ
    path, tag = str(environ.get("PATH_INFO")), str(environ.get("HTTP_X_TAG"))
    user = environ.get("HTTP_X_USER")
    hue: Hue = "bad" if user else "ok"
    said = str(user) if user else "dropped"
    return Row(
        f"{NAMES[kind]}: PATH_INFO is {path!r}; HTTP_X_TAG is {tag!r}; X_User is {said}; "
        f"{_READ.get(given.reads, f'the content, read twice, had {given.reads} bytes')}.",
        (NAMES[kind], cut(path, 22), tag, said, given.reads),
        hues=("accent", "", "", hue, "mute"),
    )


def _judged(found: dict[Kind, Given]) -> Iterator[Event]:
    paths = {str(given.environ.get("PATH_INFO")) for given in found.values()}
    yield PATH.judged(paths == {DECODED}, f"PATH_INFO was {listed([repr(path) for path in sorted(paths)])}.")
    tags = {str(given.environ.get("HTTP_X_TAG")) for given in found.values()}
    joined = all(tag.replace(" ", "") == "a,b" for tag in tags)
    yield REPEATED.judged(
        joined, f"X-Tag: a and X-Tag: b became {listed([repr(tag) for tag in sorted(tags)])}."
    )
    gunicorn = found.get("sync")
    once = [NAMES[kind] for kind, given in found.items() if given.reads == _ONCE]
    waits = [NAMES[kind] for kind, given in found.items() if given.reads == "waits"]
    again = [NAMES[kind] for kind in found if NAMES[kind] not in (*once, *waits)]
    takers = [NAMES[kind] for kind, given in found.items() if "HTTP_X_USER" in given.environ]
    yield measured(
        "wsgi.underscores",
        len(takers),
        f"X_User reached the application under {count(len(takers), 'server')}.",
    )
    if gunicorn is None:
        yield UNDERSCORES.not_seen("gunicorn is not here.")
    else:
        yield UNDERSCORES.judged(
            "HTTP_X_USER" not in gunicorn.environ,
            f"gunicorn {'handed X_User on' if 'HTTP_X_USER' in gunicorn.environ else 'dropped X_User'};"
            f" it came through under {listed(takers, 'none')}.",
        )
    said = [f"{_ONCE} bytes came under {listed(once)}"] if once else []
    said += [f"the second read waited under {listed(waits)}"] if waits else []
    said += [f"it was otherwise under {listed(again)}"] if again else []
    yield INPUT.judged(bool(once) and not again, f"{'; '.join(said)}.")
