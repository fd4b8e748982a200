"""Visits as an HTTP Archive (HAR 1.2), for the browsers' network panels and other viewers."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from labctl import __version__
from labctl.events import Json
from labctl.fetch.legs import Leg, Visit
from labctl.fetch.phases import phases
from labctl.protocols.content_coding import decoded
from labctl.protocols.http1_fields import Fields, get, get_all
from labctl.protocols.http_dates import parse_http_date

if TYPE_CHECKING:
    from labctl.fetch.exchange import Answer

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
        "cookies": [_pair(pair) for line in get_all(fields, "cookie") for pair in line.split(";")],
        "headers": _headers(fields if get(fields, "host") else (("Host", leg.url.authority), *fields)),
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
    content = _content(answer)
    return {
        "status": answer.status,
        "statusText": answer.reason,
        "httpVersion": version,
        "cookies": [_cookie(line) for line in get_all(answer.fields, "set-cookie")],
        "headers": _headers(answer.fields),
        "content": content,
        "redirectURL": following or (get(answer.fields, "location") or ""),
        "headersSize": len(answer.raw_head) if version != "HTTP/2" else -1,
        "bodySize": 0 if leg.cache else answer.body_bytes,
    }


def _headers(fields: Fields) -> list[dict[str, Json]]:
    return [{"name": name, "value": value} for name, value in fields]


def _content(answer: Answer) -> Document:
    """The content without its coding: `size` counts that, and `compression` says what the coding saved."""
    kept = answer.body
    whole = len(kept) == answer.body_bytes
    shown: Document = {
        "size": answer.body_bytes,
        "mimeType": get(answer.fields, "content-type") or "x-unknown",
    }
    codings = get(answer.fields, "content-encoding") or ""
    if codings and whole and kept:
        undone = decoded(kept, codings)
        if undone.failure or undone.cut:
            what = undone.failure or "it unpacks to more than is kept here"
            return shown | {"comment": f"Not without its coding ({codings}): {what}."}
        kept = undone.data
        shown |= {"size": len(kept), "compression": len(kept) - answer.body_bytes}
    if kept and whole:
        try:
            shown["text"] = kept.decode("utf-8")
        except UnicodeDecodeError:
            shown |= {"text": base64.b64encode(kept).decode("ascii"), "encoding": "base64"}
    return shown


def _pair(text: str) -> Document:
    name, _, value = text.partition("=")
    return {"name": name.strip(), "value": value.strip()}


def _cookie(line: str) -> Document:
    """One Set-Cookie value; what of it HAR has a place for."""
    pair, _, rest = line.partition(";")
    shown = _pair(pair)
    for part in rest.split(";"):
        key, _, said = (word.strip() for word in part.partition("="))
        if key.lower() in ("path", "domain") and said:
            shown[key.lower()] = said
        elif key.lower() == "expires" and (moment := parse_http_date(said)) is not None:
            shown["expires"] = _moment(moment)
    flags = {part.strip().lower() for part in rest.split(";")}
    return shown | {"httpOnly": "httponly" in flags, "secure": "secure" in flags}


def _or_none(value: float | None) -> float:
    """HAR writes -1 for a phase that did not happen."""
    return -1 if value is None else round(value, 3)


def _moment(posix: float) -> str:
    return datetime.fromtimestamp(posix, UTC).isoformat(timespec="milliseconds")
