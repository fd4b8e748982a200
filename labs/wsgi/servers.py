"""The same application under each server: what each makes of it."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator

from labctl.events import Event, Hue, Row, Rows
from labctl.serving.asking import Answer, Ask, Connection
from labctl.serving.standing import Kind, Standing
from labs.telling import measured, note, table
from labs.words import listed
from labs.wsgi.claims import FRAMING
from labs.wsgi.stage import NAMES, Stage, asked
from labs.wsgi.words import framing

# What fits on a line of keys.
_CELLS = 56
_ONE = "one by one"
COUNTS, CHUNKS = ("wsgiref",), ("flask", "sync", "gthread")


def side_by_side(stage: Stage) -> Iterator[Event]:
    """The table, and the claim about framing."""
    standings = stage.stand_all("mounted")
    found: dict[Kind, Answer] = {}
    rows = []
    environs = {kind: _environ(standing) for kind, standing in standings.items()}
    for kind, standing in standings.items():
        found[kind] = answer = asked(standing, Ask("/sample"))
        rows.append(_row(kind, answer, _kept(standing), environs[kind]))
    yield table(
        "servers",
        'The same application under each server: return [b"This body has 22 bytes"]',
        ("server", "the end is", "stays open", "Server", "runs in"),
        rows,
    )
    yield _own_keys(environs)
    for each in stage.missing:
        yield note(f"{NAMES[each.kind]} is left out: {each.why}.")
    yield from _judged(found)


def _own_keys(environs: dict[Kind, dict[str, object]]) -> Rows:
    """What each puts into environ beyond what all have, the rarest first."""
    common = set.intersection(*(set(each) for each in environs.values())) if environs else set()
    times = Counter(key for each in environs.values() for key in each)
    rows = []
    for kind, environ in environs.items():
        # The names are the user's own business.
        inherited = sum(key in os.environ or key == "LABCTL_EVENTS" for key in environ)
        keys = [
            key for key in environ if key not in common and key not in os.environ and key != "LABCTL_EVENTS"
        ]
        keys.sort(key=lambda key: (times[key], key))
        if inherited:
            keys.insert(0, f"{inherited} variables of its process (PATH ...)")
        said = ", ".join(keys) or "nothing"
        rows.append(
            Row(
                f"{NAMES[kind]} adds to environ: {said}.",
                (NAMES[kind], _fitting(keys)),
                hues=("accent", "mute"),
            )
        )
    return table("keys", "What each adds to environ", ("server", "keys"), rows, named=False)


def _fitting(keys: list[str]) -> str:
    """As many as fit, and how many more there are."""
    shown = [key for number, key in enumerate(keys) if len(", ".join(keys[: number + 1])) <= _CELLS - 9]
    left = len(keys) - len(shown)
    return ", ".join([*shown, *([f"{left} more"] if left else [])]) or "nothing"


def _judged(found: dict[Kind, Answer]) -> Iterator[Event]:
    said = {kind: framing(answer) for kind, answer in found.items()}
    lengths = [NAMES[kind] for kind, how in said.items() if how.startswith("Content-Length")]
    chunks = [NAMES[kind] for kind, how in said.items() if how == "chunks"]
    seen = [kind for kind in (*COUNTS, *CHUNKS) if kind in found]
    because = f"Content-Length came from {listed(lengths, 'nobody')}; chunks from {listed(chunks, 'nobody')}."
    yield measured("wsgi.servers.chunks", len(chunks), f"{len(chunks)} of {len(said)} servers sent chunks.")
    who = "none" if not chunks else "all" if len(chunks) == len(said) else "some"
    yield measured("wsgi.servers.who-chunks", who, f"Of the servers here {who} sent chunks.")
    if not {"wsgiref"} & set(seen) or not set(CHUNKS) & set(seen):
        yield FRAMING.not_seen(f"Too few of the servers are here. {because}")
        return
    held = all(said[kind].startswith("Content-Length") for kind in COUNTS if kind in said)
    held = held and all(said[kind] == "chunks" for kind in CHUNKS if kind in said)
    yield FRAMING.judged(held, because)


def _environ(standing: Standing) -> dict[str, object]:
    answer = asked(standing, Ask("/environ"))
    try:
        found = json.loads(answer.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _kept(standing: Standing) -> bool:
    """Whether a second request is answered on the same connection."""
    try:
        with Connection(standing.where) as connection:
            # A server that has said close may well read on for seconds: werkzeug's does.
            return connection.ask("/sample").keeps_alive and bool(connection.ask("/sample").status)
    except OSError:
        return False


def _row(kind: Kind, answer: Answer, kept: bool, environ: dict[str, object]) -> Row:
    how = framing(answer)
    threads, processes = environ.get("wsgi.multithread") is True, environ.get("wsgi.multiprocess") is True
    runs = " and ".join([*(["threads"] if threads else []), *(["processes"] if processes else [])]) or _ONE
    server = (answer.get("Server") or "none").split(" ")[0].partition("/")[0]
    hue: Hue = "ok" if kept else "mute"
    shown = how.replace("Content-Length: ", "length ")
    return Row(
        f"{NAMES[kind]}: the body's end is said by {how}; the connection {'stays open' if kept else 'is closed'};"
        f" Server: {server}; it runs requests {runs if runs == _ONE else f'in {runs}'}.",
        (NAMES[kind], shown, "yes" if kept else "no", server, runs),
        hues=("accent", "", hue, "mute", ""),
        bold=(1,),
    )
