"""The words that a web developer meets, for `labctl explain`: fields, directives, statuses, methods, alerts, traps.

What they mean stands in the tables of `labctl.protocols`; here is only which of them show where. Imported by
`labctl explain` alone, and only when nothing else of labctl has the word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from labctl.cli import behind_words
from labctl.protocols import http_fields, http_statuses, tls_names
from labctl.protocols.apache_trap_words import APACHE_TRAPS
from labctl.protocols.cache_vocabulary import MEANING
from labctl.protocols.nginx_trap_words import NGINX_TRAPS
from labctl.protocols.proxy_traps import Trap, Weight


class WebWord(NamedTuple):
    """A word, what kind of word it is ("a status of HTTP"), a sentence, its document and a command that shows it."""

    name: str
    kind: str
    sentence: str
    source: str
    see: str
    # What to write instead, of a trap.
    instead: str = ""


_ASKED, _ANSWERED = "RFC 9111 section 5.2.1.", "RFC 9111 section 5.2.2."
# Directives of Cache-Control: the sentence, and the document.
DIRECTIVES: dict[str, tuple[str, str]] = {
    "max-age": ("For so many seconds the response is fresh, and a cache answers without asking.", f"{_ANSWERED}1"),
    "s-maxage": ("In a shared cache (CDN, proxy) this number of seconds stands in for max-age.", f"{_ANSWERED}10"),
    "no-cache": ("A cache may keep it, but must ask the server before each use.", f"{_ANSWERED}4"),
    "no-store": ("No cache may keep it.", f"{_ANSWERED}5"),
    "no-transform": ("No proxy may change the content.", f"{_ANSWERED}6"),
    "must-revalidate": ("Once it is stale, a cache must ask before it uses it, server down or not.", f"{_ANSWERED}2"),
    "proxy-revalidate": ("What must-revalidate says, for shared caches alone.", f"{_ANSWERED}8"),
    "must-understand": ("Only a cache that knows this status code may keep it.", f"{_ANSWERED}3"),
    "private": ("Only the cache of one person (the browser's) may keep it, no CDN and no proxy.", f"{_ANSWERED}7"),
    "public": ("Any cache may keep it, also what a shared cache would not keep by default.", f"{_ANSWERED}9"),
    "immutable": ("It does not change while it is fresh, so that a reload need not ask for it.", "RFC 8246 section 2"),
    "stale-while-revalidate": (
        "For so many seconds after its time a cache may answer with it while it fetches a new one behind.",
        "RFC 5861 section 3",
    ),
    "stale-if-error": (
        "For so many seconds after its time a cache may answer with it when the server fails.",
        "RFC 5861 section 4",
    ),
    "max-stale": ("A client says: so many seconds too old is good enough for me.", f"{_ASKED}2"),
    "min-fresh": ("A client says: it must stay fresh for so many seconds more.", f"{_ASKED}3"),
    "only-if-cached": ("A client says: from a cache, or not at all (504).", f"{_ASKED}7"),
}  # fmt: skip
_FIELD_SHOWN = {
    "labctl cache --show keys": ("vary",),
    "labctl cache --show browser": (
        "if-none-match", "if-modified-since", "etag", "last-modified", "expires", "pragma",
    ),
    "labctl cache --show words": (
        "x-cache", "cf-cache-status", "age", "x-cache-status", "x-cache-hits", "x-served-by", "x-varnish",
    ),
    "labctl cache": (
        "cache-control", "cdn-cache-control", "cloudflare-cdn-cache-control", "surrogate-control", "cache-status",
        "warning", "x-accel-expires",
    ),
    "labctl http --show cookies": ("cookie", "set-cookie"),
    "labctl http --show redirects": ("location",),
    "labctl url http://shop.test/ --repeat 2": ("strict-transport-security",),
    "labctl http --show negotiation": (
        "accept", "accept-charset", "accept-language", "accept-encoding", "content-encoding", "content-language",
    ),
    "labctl http --show framing": ("content-length", "transfer-encoding", "trailer", "te"),
    "labctl http --show keep-alive": ("connection", "keep-alive", "proxy-connection"),
    "labctl http --show interim": ("expect",),
    "labctl http --show retry": ("idempotency-key",),
    "labctl http --show alt-svc": ("alt-svc", "alt-used"),
}  # fmt: skip
_STATUS_SHOWN = {
    "labctl http --show interim": (100, 103),
    "labctl http --show redirects": (301, 302, 303, 307, 308),
    "labctl cache --show browser": (304,),
    "labctl http https://www.shop.test/nothing": (404,),
    "labctl http https://www.shop.test/style.css -H 'Range: bytes=0-9'": (206, 416),
    "labctl http -X DELETE": (405,),
}
# What no sandbox site sends, the answer of another may hold: the lab says each line's meaning.
_ANY = "labctl http URL"
_ALERT_SHOWN = {
    "labctl tls --bad unknown-issuer": ("unknown_ca",),
    "labctl tls --bad expired": ("certificate_expired",),
    "labctl tls --bad wrong-name": ("bad_certificate",),
    "labctl tls --bad wrong-purpose": ("unsupported_certificate",),
    "labctl tls tls12.tls.test --tls 1.3": ("protocol_version",),
    "labctl tls": ("close_notify",),
}
_SPELT = {"Etag": "ETag", "Www": "WWW", "Te": "TE", "Dnt": "DNT", "Md5": "MD5", "Cf": "CF", "Cdn": "CDN",
          "Nel": "NEL", "Dav": "DAV", "Ch": "CH", "Ua": "UA", "Ct": "CT", "Dns": "DNS", "Ip": "IP",
          "Gpc": "GPC", "Mime": "MIME", "Xss": "XSS", "Websocket": "WebSocket", "P3p": "P3P",
          "Sourcemap": "SourceMap", "Ratelimit": "RateLimit", "Id": "ID"}  # fmt: skip


def meanings(typed: str) -> list[WebWord]:
    """All that the word means, in any case of letters; also `max-age=60`, `Vary: Accept`, `Not Found`; [] for none."""
    name, colon, value = (part.strip() for part in typed.partition(":"))
    key = name.lower()
    found: list[WebWord] = []
    if key in http_fields.FIELDS:
        said = http_fields.meaning(key, value)
        shown = f"{spelt(key)}: {value}" if colon and value else spelt(key)
        found.append(WebWord(shown, "a header field", said.sentence, said.source, _field_shown(key)))
    if colon:
        return found
    directive = key.partition("=")[0].rstrip()
    if directive in DIRECTIVES:
        sentence, source = DIRECTIVES[directive]
        example = f"{directive}=60" if "seconds" in sentence else directive
        see = f"labctl cache --header {example}"
        found.append(WebWord(directive, "a directive of Cache-Control", sentence, source, see))
    found += [_status(code) for code in _statuses(key)]
    if key.upper() in http_statuses.METHODS:
        found.append(_method(key.upper()))
    alert = key.replace("-", "_").replace(" ", "_")
    if any(alert == known for known, _ in tls_names.ALERTS.values()):
        see = _shown(_ALERT_SHOWN, alert, "labctl tls --bad all")
        found.append(
            WebWord(alert, "an alert of TLS", tls_names.alert_sentence(alert), "RFC 8446 section 6", see)
        )
    if key.upper() in MEANING:
        source = "the words of CF-Cache-Status"
        see = "labctl cache --show words"
        found.append(WebWord(key.upper(), "what a cache did", MEANING[key.upper()], source, see))
    if behind := behind_words.find(typed):
        found.append(WebWord(*behind))
    found += [
        _trap(server, trap) for server, trap in _traps() if key in (trap.id, f"{server.lower()}-{trap.id}")
    ]
    return found


def names() -> Iterator[str]:
    """Every word that has a meaning here, in lower case, statuses by their number."""
    yield from http_fields.FIELDS
    yield from DIRECTIVES
    yield from map(str, http_statuses.registered())
    yield from (method.lower() for method in http_statuses.METHODS)
    yield from (name for name, _ in tls_names.ALERTS.values())
    yield from (word.lower() for word in MEANING)
    yield from behind_words.WORDS
    yield from (trap.id for _, trap in _traps())


def spelt(field: str) -> str:
    """A field's name as people write it: `ETag`, `Cache-Control`."""
    return "-".join(_SPELT.get(part.capitalize(), part.capitalize()) for part in field.split("-"))


def _statuses(key: str) -> list[int]:
    known = list(http_statuses.registered())
    number, _, name = key.partition(" ")
    if number.isascii() and number.isdigit() and len(number) == 3:
        return [int(number)] if int(number) in known and (not name or name == _name(int(number))) else []
    return [code for code in known if _name(code) and _name(code) == key.replace("-", " ")]


def _name(code: int) -> str:
    return http_statuses.status_meaning(code).name.lower().replace("-", " ")


def _status(code: int) -> WebWord:
    said = http_statuses.status_meaning(code)
    see = _shown(_STATUS_SHOWN, code, "labctl http" if code == 200 else _ANY)
    return WebWord(f"{code} {said.name}".strip(), "a status of HTTP", said.sentence, said.source, see)


def _method(name: str) -> WebWord:
    said = http_statuses.METHODS[name]
    safe = "safe (it changes nothing)" if said.safe else "not safe (it may change something)"
    again = (
        "idempotent (twice is as good as once)" if said.idempotent else "not idempotent (twice is not once)"
    )
    sentence = f"{said.sentence} It is {safe} and {again}."
    see = {"GET": "labctl http", "POST": "labctl http --show retry"}.get(name, f"labctl http -X {name}")
    return WebWord(name, "a method of HTTP", sentence, said.source, see)


def _traps() -> Iterator[tuple[str, Trap]]:
    """Every trap of a proxy's configuration, with whose configuration it is."""
    yield from (("nginx", trap) for trap in NGINX_TRAPS)
    yield from (("Apache", trap) for trap in APACHE_TRAPS)


_WEIGHTS: dict[Weight, str] = {"danger": "dangerous", "wrong": "wrong", "note": "to know"}


def _trap(server: str, trap: Trap) -> WebWord:
    kind = f"a trap in the configuration of {server}, {_WEIGHTS[trap.weight]}"
    see = f"labctl proxy --config FILE --with {server.lower()}"
    return WebWord(trap.id, kind, f"{trap.title} {trap.why}", "", see, trap.instead)


def _field_shown(key: str) -> str:
    return _shown(_FIELD_SHOWN, key, _ANY)


def _shown(table: Mapping[str, tuple[object, ...]], what: object, otherwise: str) -> str:
    return next((command for command, shown in table.items() if what in shown), otherwise)
