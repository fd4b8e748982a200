"""Visits as an HTTP Archive (HAR 1.2), for the browsers' network panels and other viewers."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from labctl import __version__
from labctl.events import Json
from labctl.fetch.legs import Leg, Visit
from labctl.fetch.phases import phases
from labctl.protocols.http1_fields import Fields, get, get_all

Document = dict[str, Any]


def archive(visits: list[tuple[Visit, float]], *, comment: str = "") -> bytes:
    """The file. Each visit comes with the date when it began, in POSIX seconds."""
    pages, entries = [], []
    for number, (visit, began) in enumerate(visits, 1):
        page = f"visit_{number}"
        first = visit.legs[0].url.text if visit.legs else ""
        pages.append(
            {
                "startedDateTime": _moment(began),
                "id": page,
                "title": first,
                "pageTimings": {"onContentLoad": -1, "onLoad": round(visit.elapsed_ms, 3)},
            }
        )
        for place, leg in enumerate(visit.legs):
            following = visit.legs[place + 1].url.text if place + 1 < len(visit.legs) else ""
            entries.append(_entry(leg, page, visit.started_at, began, following))
    log: Document = {
        "version": "1.2",
        "creator": {"name": "labctl", "version": __version__},
        "pages": pages,
        "entries": entries,
    }
    if comment:
        log["comment"] = comment
    return json.dumps({"log": log}, indent=2).encode("ascii") + b"\n"


def _entry(leg: Leg, page: str, since: float, began: float, following: str) -> Document:
    found = {phase.kind: phase.ms for phase in phases(leg, since)}
    answer = leg.answer
    tls = found.get("tls")
    connect = found["connect"] + (tls or 0.0) if "connect" in found else None
    timings: dict[str, float] = {
        "blocked": -1,
        "dns": _or_none(found.get("dns")),
        "connect": _or_none(connect),
        # In HAR the time of TLS is contained in that of the connection.
        "ssl": _or_none(tls),
        "send": round(found.get("request", 0.0), 3),
        "wait": round(found.get("wait", 0.0), 3),
        "receive": round(found.get("response", 0.0) + found.get("cache", 0.0), 3),
    }
    counted = ("dns", "connect", "send", "wait", "receive")
    version = {"2": "HTTP/2", "1.0": "HTTP/1.0", "1.1": "HTTP/1.1"}.get(answer.version if answer else "", "")
    started = began + (leg.started_at - since)
    entry: Document = {
        "pageref": page,
        "startedDateTime": _moment(started),
        "time": round(sum(max(0.0, timings[name]) for name in counted), 3),
        "request": _request(leg, version),
        "response": _response(leg, version, following),
        "cache": {},
        "timings": timings,
    }
    if leg.connected is not None and leg.connected.socket is not None:
        entry["serverIPAddress"] = leg.connected.address
        entry["connection"] = leg.connected.local
    if leg.detail:
        entry["comment"] = leg.detail
    return entry


def _request(leg: Leg, version: str) -> Document:
    request = leg.request
    fields = request.fields if request is not None else ()
    body = request.body if request is not None else b""
    query = leg.url.path.partition("?")[2]
    shown: Document = {
        "method": leg.method,
        "url": leg.url._replace(fragment="").text,
        "httpVersion": version or "HTTP/1.1",
        "cookies": [],
        "headers": _headers((("Host", leg.url.authority), *fields)),
        "queryString": [{"name": n, "value": v} for n, v in parse_qsl(query, keep_blank_values=True)],
        "headersSize": len(leg.answer.request_raw) - len(body) if leg.answer is not None else -1,
        "bodySize": len(body),
    }
    if body:
        kind = get(fields, "content-type") or "application/octet-stream"
        shown["postData"] = {"mimeType": kind, "params": [], "text": body.decode("utf-8", "replace")}
    return shown


def _response(leg: Leg, version: str, following: str) -> Document:
    answer = leg.answer
    if answer is None:
        return {
            "status": 0,
            "statusText": "",
            "httpVersion": "",
            "cookies": [],
            "headers": [],
            "content": {"size": 0, "mimeType": "x-unknown"},
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": -1,
        }
    kind = get(answer.fields, "content-type") or "x-unknown"
    content: Document = {"size": answer.body_bytes, "mimeType": kind}
    if answer.body and len(answer.body) == answer.body_bytes and not get(answer.fields, "content-encoding"):
        try:
            content["text"] = answer.body.decode("utf-8")
        except UnicodeDecodeError:
            content |= {"text": base64.b64encode(answer.body).decode("ascii"), "encoding": "base64"}
    return {
        "status": answer.status,
        "statusText": answer.reason,
        "httpVersion": version,
        "cookies": [_cookie(line) for line in get_all(answer.fields, "set-cookie")],
        "headers": _headers(answer.fields),
        "content": content,
        "redirectURL": following,
        "headersSize": len(answer.raw_head) if version != "HTTP/2" else -1,
        "bodySize": 0 if leg.cache else answer.body_bytes,
    }


def _headers(fields: Fields) -> list[dict[str, Json]]:
    return [{"name": name, "value": value} for name, value in fields]


def _cookie(line: str) -> dict[str, Json]:
    name, _, value = line.partition(";")[0].partition("=")
    return {"name": name.strip(), "value": value.strip()}


def _or_none(value: float | None) -> float:
    """HAR writes -1 for a phase that did not happen."""
    return -1 if value is None else round(value, 3)


def _moment(posix: float) -> str:
    return datetime.fromtimestamp(posix, UTC).isoformat(timespec="milliseconds")
