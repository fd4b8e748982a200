"""What `labctl port --json` prints: the document `labctl/port/1`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from labctl.events import Json
from labctl.ports import words

if TYPE_CHECKING:
    from labctl.ports import Held, Look
    from labctl.ports.situations import Matrix

SCHEMA = "labctl/port/1"


def document(found: Look | None, listening: Sequence[Held] | None, matrix: Matrix | None) -> dict[str, Json]:
    """Only the parts that were asked for are there; `port` is null when none was named."""
    from labctl.ports import readable

    shown: dict[str, Json] = {
        "schema": SCHEMA,
        "port": found.port if found else None,
        "platform": sys.platform,
        "sockets_readable": readable(),
        "by_hand": list(by_hand(found.port if found else None)),
    }
    if found is not None:
        reason = found.reason
        shown["state"] = reason.state
        shown["cause"] = reason.cause
        shown["text"] = reason.text
        shown["wait_s"] = reason.wait
        shown["fixes"] = [{"text": fix.text, "command": fix.command} for fix in reason.fixes]
        shown["sockets"] = [_socket(each) for each in found.held]
        shown["connections_to_it"] = dict(found.towards)
        shown["bind"] = [
            {
                "address": t.host,
                "option": t.option,
                "works": t.works,
                "errno": t.number,
                "error": t.error,
                "text": t.text,
                "meaning": words.meaning(t.error),
            }
            for t in found.trials
        ]
    if listening is not None:
        shown["listeners"] = [_socket(each) for each in listening]
    if matrix is not None:
        shown["matrix"] = _matrix(matrix)
    return shown


def by_hand(port: int | None) -> tuple[str, ...]:
    """The commands that show the same, for this system."""
    if sys.platform == "win32":
        ending = f" | findstr :{port}" if port else ""
        return (f"netstat -ano{ending}",)
    lsof = f"lsof -nP -i :{port}" if port else "lsof -nP -iTCP -sTCP:LISTEN"
    if not sys.platform.startswith("linux"):
        return (lsof, f"netstat -an | grep '[.:]{port} '" if port else "netstat -an")
    return (f"ss -tlnp 'sport = :{port}'" if port else "ss -tulnp", lsof)


def _socket(each: Held) -> dict[str, Json]:
    line = each.line
    return {
        "transport": line.transport,
        "family": line.family,
        "state": line.state,
        "local": line.local,
        "local_port": line.local_port,
        "remote": line.remote if line.remote_port else None,
        "remote_port": line.remote_port or None,
        "timer": line.timer,
        "timer_s": line.timer_seconds,
        "uid": line.uid if line.owned else None,
        "inode": line.inode,
        "owner": each.owner,
        "processes": [
            {
                "pid": p.pid,
                "command": p.command,
                "uid": p.uid,
                "user": p.user,
                "yours": p.mine,
                "age_s": p.age,
            }
            for p in each.processes
        ],
    }


def _matrix(matrix: Matrix) -> dict[str, Json]:
    from labctl.ports.rule import RULE, SITUATIONS

    return {
        "cells": [
            {
                "situation": cell.situation,
                "old": cell.old,
                "new": cell.new,
                "works": cell.works,
                "call": cell.call,
                "errno": cell.number,
                "error": cell.error,
                "as_rule": cell.as_rule,
            }
            for cell in matrix.cells
        ],
        "situations": [{"id": each.id, "title": each.title} for each in SITUATIONS],
        "not_made": [{"situation": name, "text": text} for name, text in matrix.not_made],
        "other_calls": [
            {"call": e.call, "errno": e.number, "error": e.error, "text": e.text} for e in matrix.elsewhere
        ],
        "rule": list(RULE),
        "as_rule": matrix.as_rule,
        "states_checked": matrix.states_checked,
        "seconds": round(matrix.seconds, 6),
    }
