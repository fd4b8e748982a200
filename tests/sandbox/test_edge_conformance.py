"""What RFC 9110, 9111, 9112, 5861, 9211 and 9213 ask of a shared cache, as rows: the edge over real sockets.

Each row is a story: what the origin answers if it is asked, what a client sends, and what must come of it. `asked`
is the heart: whether the origin saw the request. Time is the row's own, nothing sleeps.
"""
# A row is one line.
# ruff: noqa: E501

from __future__ import annotations

from typing import NamedTuple

import pytest
from edge_harness import Gives, World, within

from labctl.protocols.http1 import Fields

LM = ("Last-Modified", "@-100000")
TAG = ("ETag", '"one"')


class Step(NamedTuple):
    """A request, and what is expected of the answer. Seconds `after` the step before."""

    asked: bool
    after: float = 0
    method: str = "GET"
    target: str = "/a"
    fields: Fields = ()
    body: bytes = b""
    gives: Gives = Gives()
    status: int = 200
    serial: int = 0
    has: tuple[tuple[str, str], ...] = ()
    lacks: tuple[str, ...] = ()
    sent: tuple[tuple[str, str | None], ...] = ()
    text: bytes | None = None


class Row(NamedTuple):
    rule: str
    story: str
    steps: tuple[Step, ...]


ROWS: list[Row] = []


def row(rule: str, story: str, *steps: Step) -> None:
    ROWS.append(Row(rule, story, steps))


def miss(*fields: tuple[str, str], status: int = 200, asking: Fields = (), **more: object) -> Step:
    """The first request: the origin answers with these fields."""
    gives = Gives(status, fields, **more)  # type: ignore[arg-type]
    return Step(True, fields=asking, gives=gives, status=status)


def cc(value: str) -> tuple[str, str]:
    return ("Cache-Control", value)


def hit(after: float = 0, *fields: tuple[str, str], **more: object) -> Step:
    return Step(False, after, fields=fields, **more)  # type: ignore[arg-type]


def asks(after: float = 0, *fields: tuple[str, str], **more: object) -> Step:
    return Step(True, after, fields=fields, **more)  # type: ignore[arg-type]


# fmt: off
# Freshness, RFC 9111 section 4.2.
row("9111-4.2", "max-age keeps it fresh until then", miss(cc("max-age=60")), hit(59))
row("9111-4.2", "and not a second longer", miss(cc("max-age=60")), asks(61))
row("9111-4.2", "at exactly max-age it is stale", miss(cc("max-age=60")), asks(60))
row("9111-4.2", "Expires keeps it fresh", miss(("Expires", "@+60")), hit(59))
row("9111-4.2", "and not longer", miss(("Expires", "@+60")), asks(61))
row("9111-4.2.1", "s-maxage goes before max-age", miss(cc("max-age=1, s-maxage=60")), hit(50))
row("9111-4.2.1", "a short s-maxage goes before a long max-age", miss(cc("max-age=60, s-maxage=1")), asks(2))
row("9111-4.2.1", "max-age goes before Expires", miss(cc("max-age=60"), ("Expires", "@-100")), hit(50))
row("9111-4.2.1", "a short max-age goes before a long Expires", miss(cc("max-age=1"), ("Expires", "@+100")), asks(2))
row("9111-4.2.1", "s-maxage goes before Expires", miss(cc("s-maxage=60"), ("Expires", "@-100")), hit(50))
row("9111-4.2.1", "max-age that is no number is stale", miss(cc("max-age=abc")), asks(1))
row("9111-4.2.1", "max-age with a fraction is stale", miss(cc("max-age=60.5")), asks(1))
row("9111-4.2.1", "a negative max-age is stale", miss(cc("max-age=-60")), asks(1))
row("9111-4.2.1", "max-age=0 is stale at once", miss(cc("max-age=0")), asks(1))
row("9111-1.2.2", "a huge max-age is a long one", miss(cc("max-age=99999999999")), hit(1e6))
row("9111-1.2.2", "leading zeros do no harm", miss(cc("max-age=0060")), hit(50))
row("9111-5.2", "directives are case-insensitive", miss(cc("MAX-AGE=60")), hit(50))
row("9111-5.2", "unknown directives are ignored", miss(cc("foo=bar, max-age=60, baz")), hit(50))
row("9111-5.2", "a quoted comma hides no directive", miss(cc('foo="max-age=60", max-age=1')), asks(2))
row("9111-5.2", "two lines are one list", miss(cc("foo"), cc("max-age=60")), hit(50))
row("9111-5.3", "Expires: 0 is in the past", miss(("Expires", "0")), asks(1))
row("9111-5.3", "an Expires that is no date is in the past", miss(("Expires", "in a while"), LM), asks(1))
row("9111-5.3", "Expires counts from Date, not from now", miss(("Date", "@-3600"), ("Expires", "@-3500")), asks(1))
row("9111-5.3", "an Expires in RFC 850 form is read", miss(("Expires", "Friday, 15-Jan-27 08:10:00 GMT")), hit(60))
row("9111-4.2.2", "Last-Modified long ago: fresh for a tenth", miss(LM), hit(5000))
row("9111-4.2.2", "and not for much more", miss(LM), asks(11000))
row("9111-4.2.2", "no heuristic for a status that has none", miss(LM, status=201), asks(1))
row("9111-4.2.2", "no heuristic beside an explicit lifetime", miss(LM, cc("max-age=1")), asks(5))
row("9111-4.2.2", "a heuristic for 404", miss(LM, status=404), Step(False, 10, status=404))
row("9111-4.2.2", "a heuristic for 410", miss(LM, status=410), Step(False, 10, status=410))
row("9111-4.2.2", "public makes any final status heuristic", miss(LM, cc("public"), status=299), hit(10, status=299))

# Age, sections 4.2.3 and 5.1.
row("9111-4.2.3", "Age is counted on", miss(cc("max-age=60"), ("Age", "30")), hit(20, has=(("Age", "50"),)))
row("9111-4.2.3", "an Age beyond the lifetime is stale", miss(cc("max-age=60"), ("Age", "100")), asks(0))
row("9111-4.2.3", "an old Date makes it old", miss(cc("max-age=60"), ("Date", "@-100")), asks(0))
row("9111-4.2.3", "an old Date that is still fresh", miss(cc("max-age=60"), ("Date", "@-10")), hit(20, has=(("Age", "30"),)))
row("9111-5.1", "the first of two Ages counts", miss(cc("max-age=60"), ("Age", "0, 100")), hit(1))
row("9111-5.1", "the first of two Age lines counts", miss(cc("max-age=60"), ("Age", "100"), ("Age", "0")), asks(0))
row("9111-5.1", "an Age that is no number is ignored", miss(cc("max-age=60"), ("Age", "old")), hit(1))
row("9111-5.1", "a negative Age is ignored", miss(cc("max-age=60"), ("Age", "-5")), hit(1))
row("9111-5.1", "a fraction is no Age", miss(cc("max-age=60"), ("Age", "100.5")), hit(1))
row("9111-5.1", "an enormous Age is stale", miss(cc("max-age=99999"), ("Age", "99999999999")), asks(0))
row("9111-5.1", "a hit has exactly one Age", miss(cc("max-age=60")), hit(7, has=(("Age", "7"),)))
row("9111-4", "the Date stays the origin's", miss(cc("max-age=60"), ("Date", "@-5")), hit(7, has=(("Date", "@-12"),)))
row("9110-6.6.1", "a response without Date gets one", miss(cc("max-age=60"), date=False), hit(7, has=(("Date", "@-7"),)))

# Storing, section 3.
row("9111-5.2.2.5", "no-store is not stored", miss(cc("no-store, max-age=60")), asks(1))
row("9111-5.2.2.5", "no-store in capitals too", miss(cc("No-Store"), LM), asks(1))
row("9111-5.2.2.7", "private is not stored", miss(cc("private, max-age=60")), asks(1))
row("9111-5.2.2.7", "a private field is left out", miss(cc('private="X-A", max-age=60'), ("X-A", "1")), hit(1, lacks=("X-A",)))
row("9111-5.2.2.4", "no-cache is stored, and asked about", miss(cc("no-cache, max-age=60"), TAG), asks(1, sent=(("If-None-Match", '"one"'),)))
row("9111-5.2.2.4", "no-cache without validator", miss(cc("no-cache, max-age=60")), asks(1))
row("9111-5.2.2.3", "must-understand with a known status", miss(cc("must-understand, no-store, max-age=60")), hit(1))
row("9111-5.2.2.3", "must-understand with an unknown status", miss(cc("must-understand, max-age=60"), status=299), asks(1, status=200))
row("9111-3", "nothing about freshness, nothing to go by", miss(), asks(1))
row("9111-3", "an unknown status with max-age is stored", miss(cc("max-age=60"), status=299), hit(1, status=299))
row("9111-3", "a 500 with max-age is stored", miss(cc("max-age=60"), status=500), hit(1, status=500))
row("9111-3", "a 302 with max-age is stored", miss(cc("max-age=60"), ("Location", "/b"), status=302), hit(1, status=302))
row("9111-3", "a 302 without is not", miss(LM, ("Location", "/b"), status=302), asks(1))
row("9111-3", "a 204 is stored", miss(cc("max-age=60"), status=204), hit(1, status=204))
row("9111-3.5", "Authorization is not shared", miss(cc("max-age=60"), asking=(("Authorization", "x"),)), asks(1, ("Authorization", "x")))
for _name in ("public", "must-revalidate", "s-maxage=60"):
    row("9111-3.5", f"{_name} shares it", miss(cc(f"max-age=60, {_name}"), asking=(("Authorization", "x"),)), hit(1, ("Authorization", "y")))
row("9111-3.1", "Connection-listed fields are not stored", miss(cc("max-age=60"), ("Connection", "X-A"), ("X-A", "1"), ("X-B", "2")), hit(1, has=(("X-B", "2"),), lacks=("X-A", "Connection")))
for _name in ("Keep-Alive", "Proxy-Authenticate", "Proxy-Connection", "Upgrade", "TE"):
    row("9111-3.1", f"{_name} is not stored", miss(cc("max-age=60"), (_name, "x")), hit(1, lacks=(_name,)))
for _name, _value in (("Set-Cookie", "a=b"), ("Content-Location", "/x"), ("X-Unknown", "1"), ("Content-Security-Policy", "x"), ("Server", "o")):
    row("9111-3.1", f"{_name} is stored", miss(cc("max-age=60"), (_name, _value)), hit(1, has=((_name, _value),)))
row("9111-3.3", "a chunked response is stored whole", miss(cc("max-age=60"), framing="chunked"), hit(1, text=b"body 1", has=(("Content-Length", "6"),)))
row("9111-3.3", "a response that ends with the connection is stored", miss(cc("max-age=60"), framing="close"), hit(1, text=b"body 1"))
row("9111-3", "a cookie in the request does not matter", miss(cc("max-age=60")), hit(1, ("Cookie", "a=b")))
row("9111-5.4", "Pragma in a response means nothing", miss(cc("max-age=60"), ("Pragma", "no-cache")), hit(1))
row("9111-2", "the query is part of the key", miss(cc("max-age=60")), asks(1, target="/a?x=1"))
row("9111-2", "the host is part of the key", miss(cc("max-age=60")), asks(1, ("Host", "other.test")))

# Vary, section 4.1.
VARY = ("Vary", "Foo")
row("9111-4.1", "the same value fits", miss(cc("max-age=60"), VARY, asking=(("Foo", "1"),)), hit(1, ("Foo", "1")))
row("9111-4.1", "another value does not", miss(cc("max-age=60"), VARY, asking=(("Foo", "1"),)), asks(1, ("Foo", "2")))
row("9111-4.1", "a missing field does not fit a present one", miss(cc("max-age=60"), VARY, asking=(("Foo", "1"),)), asks(1))
row("9111-4.1", "both missing fit", miss(cc("max-age=60"), VARY), hit(1))
row("9111-4.1", "white space means nothing", miss(cc("max-age=60"), VARY, asking=(("Foo", "1,2"),)), hit(1, ("Foo", " 1 , 2")))
row("9111-4.1", "two lines are one value", miss(cc("max-age=60"), VARY, asking=(("Foo", "1, 2"),)), hit(1, ("Foo", "1"), ("Foo", "2")))
row("9111-4.1", "other fields do not matter", miss(cc("max-age=60"), VARY, asking=(("Foo", "1"),)), hit(1, ("Foo", "1"), ("Bar", "2")))
row("9111-4.1", "both of two names must fit", miss(cc("max-age=60"), ("Vary", "Foo, Bar"), asking=(("Foo", "1"), ("Bar", "2"))), asks(1, ("Foo", "1"), ("Bar", "3")))
for _value in ("*", "*, *", ", *", "Foo, *"):
    row("9111-4.1", f"Vary: {_value} never fits", miss(cc("max-age=60"), ("Vary", _value)), asks(1))
row("9111-4.1", "variants live beside each other",
    miss(cc("max-age=60"), VARY, asking=(("Foo", "1"),)),
    asks(1, ("Foo", "2"), gives=Gives(200, (cc("max-age=60"), VARY))),
    hit(1, ("Foo", "1"), serial=1), hit(1, ("Foo", "2"), serial=2))
row("9111-4.1", "the order of languages of one weight means nothing", miss(cc("max-age=60"), ("Vary", "Accept-Language"), asking=(("Accept-Language", "en, de"),)), hit(1, ("Accept-Language", "de, en")))

# Validation, section 4.3.
STALE = (cc("max-age=1"), TAG)
NEW = Gives(304, (cc("max-age=60"), TAG))
row("9111-4.3.1", "a stale one with a tag is asked about", miss(*STALE), asks(5, gives=NEW, serial=2, text=b"body 1", sent=(("If-None-Match", '"one"'),)))
row("9111-4.3.1", "with Last-Modified too", miss(cc("max-age=1"), LM), asks(5, gives=Gives(304), serial=2, text=b"body 1", sent=(("If-Modified-Since", "@-100005"),)))
row("9111-4.3.1", "a weak tag will do", miss(cc("max-age=1"), ("ETag", 'W/"x"')), asks(5, sent=(("If-None-Match", 'W/"x"'),)))
row("9111-4.3.1", "the fields that Vary names are sent", miss(*STALE, VARY, asking=(("Foo", "1"),)), asks(5, ("Foo", "1"), gives=NEW, sent=(("Foo", "1"), ("If-None-Match", '"one"'))))
row("9111-4.3.4", "a 304 makes it fresh again", miss(*STALE), asks(5, gives=NEW), hit(50, text=b"body 1"))
row("9111-3.2", "a 304 updates the stored fields", miss(*STALE, ("X-A", "1")), asks(5, gives=Gives(304, (cc("max-age=60"), TAG, ("X-A", "2"))), has=(("X-A", "2"),)), hit(5, has=(("X-A", "2"),)))
row("9111-3.2", "what a 304 omits stays", miss(*STALE, ("X-A", "1")), asks(5, gives=NEW, has=(("X-A", "1"),)))
row("9111-3.2", "a 304 does not change Content-Length", miss(*STALE), asks(5, gives=Gives(304, (cc("max-age=60"), TAG, ("Content-Length", "99"))), has=(("Content-Length", "6"),)))
row("9111-4.3.3", "a 200 takes its place", miss(*STALE), asks(5, gives=Gives(200, (cc("max-age=60"),)), text=b"body 2"), hit(5, text=b"body 2"))
row("9111-4.3.3", "a 500 is passed on, and stored no matter", miss(*STALE), asks(5, gives=Gives(500), status=500))
row("9111-4.3.2", "a client that holds it gets 304", miss(cc("max-age=60"), TAG), hit(1, ("If-None-Match", '"one"'), status=304, has=(TAG,)))
row("9111-4.3.2", "one tag of several", miss(cc("max-age=60"), TAG), hit(1, ("If-None-Match", '"x", "one", "y"'), status=304))
row("9111-4.3.2", "another tag gets the response", miss(cc("max-age=60"), TAG), hit(1, ("If-None-Match", '"two"'), text=b"body 1"))
row("9111-4.3.2", "the comparison is weak", miss(cc("max-age=60"), ("ETag", 'W/"one"')), hit(1, ("If-None-Match", '"one"'), status=304))
row("9111-4.3.2", "a star fits anything stored", miss(cc("max-age=60"), TAG), hit(1, ("If-None-Match", "*"), status=304))
row("9111-4.3.2", "If-Modified-Since, not changed", miss(cc("max-age=60"), LM), hit(1, ("If-Modified-Since", "@-100001"), status=304))
row("9111-4.3.2", "If-Modified-Since, changed since", miss(cc("max-age=60"), LM), hit(1, ("If-Modified-Since", "@-200000"), text=b"body 1"))
row("9111-4.3.2", "If-Modified-Since against Date without Last-Modified", miss(cc("max-age=60")), hit(1, ("If-Modified-Since", "@+0"), status=304))
row("9110-13.2.2", "If-None-Match goes before If-Modified-Since", miss(cc("max-age=60"), TAG, LM), hit(1, ("If-None-Match", '"two"'), ("If-Modified-Since", "@+0"), status=200))
row("9111-4.3.2", "a client's condition after validation gets its 304", miss(*STALE), asks(5, ("If-None-Match", '"one"'), gives=NEW, status=304))
row("9111-4.3.2", "conditions for nothing stored go to the origin", asks(0, ("If-None-Match", '"zero"'), gives=Gives(304), status=304, sent=(("If-None-Match", '"zero"'),)))
row("9111-4.3.5", "a HEAD that agrees freshens", miss(*STALE), asks(5, method="HEAD", gives=Gives(200, (cc("max-age=60"), TAG), b"body 1")), hit(30, text=b"body 1"))
row("9111-4.3.5", "a HEAD that disagrees makes it unusable", miss(cc("max-age=60"), TAG), asks(0, cc("no-cache"), method="HEAD", gives=Gives(200, (cc("max-age=60"), ("ETag", '"two"')), b"longer than it was")), asks(1))
row("9110-9.3.2", "a HEAD is answered from a stored GET", miss(cc("max-age=60")), hit(1, method="HEAD", text=b"", has=(("Content-Length", "6"),)))

# What a request may ask for, section 5.2.1.
row("9111-5.2.1.1", "max-age of a request", miss(cc("max-age=60")), asks(10, cc("max-age=5")))
row("9111-5.2.1.1", "max-age of a request that is met", miss(cc("max-age=60")), hit(10, cc("max-age=15")))
row("9111-5.2.1.2", "max-stale takes a stale one", miss(cc("max-age=1")), hit(10, cc("max-stale=60")))
row("9111-5.2.1.2", "max-stale has a limit", miss(cc("max-age=1")), asks(100, cc("max-stale=60")))
row("9111-5.2.1.2", "max-stale does not go before must-revalidate", miss(cc("max-age=1, must-revalidate")), asks(10, cc("max-stale=60")))
row("9111-5.2.1.3", "min-fresh asks for more", miss(cc("max-age=60")), asks(50, cc("min-fresh=20")))
row("9111-5.2.1.4", "no-cache of a request asks", miss(cc("max-age=60"), TAG), asks(1, cc("no-cache"), gives=NEW))
row("9111-5.2.1.5", "no-store of a request does not store", Step(True, fields=(cc("no-store"),), gives=Gives(200, (cc("max-age=60"),))), asks(1))
row("9111-5.2.1.7", "only-if-cached with nothing is 504", Step(False, fields=(cc("only-if-cached"),), status=504))
row("9111-5.2.1.7", "only-if-cached with something", miss(cc("max-age=60")), hit(1, cc("only-if-cached")))

# Stale, sections 4.2.4 and RFC 5861.
NONE = Gives(framing="none")
row("9111-4.2.4", "an origin that is silent: stale is better", miss(cc("max-age=1")), asks(5, gives=NONE, text=b"body 1"))
for _name in ("must-revalidate", "proxy-revalidate", "no-cache", "s-maxage=1"):
    row("9111-4.2.4", f"{_name} forbids stale", miss(cc(f"max-age=1, {_name}")), asks(5, gives=NONE, status=502))
row("5861-4", "stale-if-error, the origin answers 500", miss(cc("max-age=1, stale-if-error=60")), asks(5, gives=Gives(500), text=b"body 1"))
row("5861-4", "stale-if-error, the origin answers 503", miss(cc("max-age=1, stale-if-error=60")), asks(5, gives=Gives(503), text=b"body 1"))
row("5861-4", "stale-if-error has an end", miss(cc("max-age=1, stale-if-error=60")), asks(100, gives=Gives(503), status=503))
row("5861-4", "stale-if-error is for errors, not for 404", miss(cc("max-age=1, stale-if-error=60")), asks(5, gives=Gives(404), status=404))
row("5861-3", "stale-while-revalidate answers at once, and asks behind", miss(cc("max-age=1, stale-while-revalidate=60")), asks(5, gives=Gives(200, (cc("max-age=60"),)), text=b"body 1"), hit(1, text=b"body 2"))
row("5861-3", "stale-while-revalidate has an end", miss(cc("max-age=1, stale-while-revalidate=60")), asks(100, text=b"body 2"))
row("5861-3", "must-revalidate goes before it", miss(cc("max-age=1, stale-while-revalidate=60, must-revalidate")), asks(5, text=b"body 2"))
row("5861-3", "asking behind uses the validator", miss(cc("max-age=1, stale-while-revalidate=60"), TAG), asks(5, gives=NEW, text=b"body 1", sent=(("If-None-Match", '"one"'),)), hit(30, text=b"body 1"))

# Invalidation, section 4.4.
for _name in ("POST", "PUT", "DELETE", "PATCH", "M-SEARCH"):
    row("9111-4.4", f"{_name} makes it invalid", miss(cc("max-age=60")), asks(1, method=_name, body=b"x"), asks(1))
row("9111-4.4", "a failed POST does not", miss(cc("max-age=60")), asks(1, method="POST", body=b"x", gives=Gives(500), status=500), hit(1))
row("9111-4.4", "Location of the response too", miss(cc("max-age=60")), asks(1, method="POST", target="/b", body=b"x", gives=Gives(201, (("Location", "/a"),)), status=201), asks(1))
row("9111-4.4", "Content-Location too", miss(cc("max-age=60")), asks(1, method="POST", target="/b", body=b"x", gives=Gives(200, (("Content-Location", "/a"),))), asks(1))
row("9111-4.4", "not of another host", miss(cc("max-age=60")), asks(1, method="POST", target="/b", body=b"x", gives=Gives(200, (("Location", "http://else.test/a"),))), hit(1))
row("9110-9.2.1", "OPTIONS changes nothing", miss(cc("max-age=60")), asks(1, method="OPTIONS"), hit(1))
row("9110-9.3.3", "a POST with Content-Location of itself and a lifetime answers GET", Step(True, method="POST", body=b"x", gives=Gives(200, (cc("max-age=60"), ("Content-Location", "/a")))), hit(1, text=b"body 1"))

# Targeted fields, RFC 9213.
CDN = "CDN-Cache-Control"
row("9213-2.2", "CDN-Cache-Control goes before Cache-Control", miss((CDN, "max-age=60"), cc("max-age=1")), hit(50))
row("9213-2.2", "a short one too", miss((CDN, "max-age=1"), cc("max-age=60")), asks(5))
row("9213-2.2", "even before no-store", miss((CDN, "max-age=60"), cc("no-store")), hit(5))
row("9213-2.2", "its no-store goes before max-age", miss((CDN, "no-store"), cc("max-age=60")), asks(1))
row("9213-2.2", "Expires does not count beside it", miss((CDN, "max-age=1"), ("Expires", "@+100")), asks(5))
for _value in ("max-age=60, &&", 'max-age="60"', "max-age=60.0", "max-age =60"):
    row("9213-2.1", f"{_value} is not usable, Cache-Control decides", miss((CDN, _value), cc("no-store")), asks(1))

# Ranges, RFC 9110 section 14.
TEN = {"body": b"0123456789"}
for _asked, _text, _range in (("bytes=0-1", b"01", "0-1"), ("bytes=5-", b"56789", "5-9"), ("bytes=-3", b"789", "7-9"), ("bytes=8-100", b"89", "8-9")):
    row("9110-14.2", f"{_asked} of what is stored", miss(cc("max-age=60"), **TEN), hit(1, ("Range", _asked), status=206, text=_text, has=(("Content-Range", f"bytes {_range}/10"),)))
row("9110-14.1.2", "a range behind the end", miss(cc("max-age=60"), **TEN), hit(1, ("Range", "bytes=20-"), status=416, has=(("Content-Range", "bytes */10"),)))
row("9110-14.2", "an unknown unit is ignored", miss(cc("max-age=60"), **TEN), hit(1, ("Range", "lines=1-2"), status=200))
row("9110-13.1.5", "If-Range that holds", miss(cc("max-age=60"), TAG, **TEN), hit(1, ("Range", "bytes=0-1"), ("If-Range", '"one"'), status=206))
row("9110-13.1.5", "If-Range that does not", miss(cc("max-age=60"), TAG, **TEN), hit(1, ("Range", "bytes=0-1"), ("If-Range", '"two"'), status=200))
PART = Gives(206, (cc("max-age=60"), TAG, ("Content-Range", "bytes 0-4/10")), b"01234")
row("9111-3.4", "a stored part answers the same range", Step(True, fields=(("Range", "bytes=0-4"),), gives=PART, status=206), hit(1, ("Range", "bytes=0-4"), status=206, text=b"01234"))
row("9111-3.4", "and a smaller one", Step(True, fields=(("Range", "bytes=0-4"),), gives=PART, status=206), hit(1, ("Range", "bytes=1-2"), status=206, text=b"12"))
row("9111-3.4", "a part is completed", Step(True, fields=(("Range", "bytes=0-4"),), gives=PART, status=206),
    asks(1, gives=Gives(206, (cc("max-age=60"), TAG, ("Content-Range", "bytes 5-9/10")), b"56789"), text=b"0123456789", sent=(("Range", "bytes=5-"),)),
    hit(1, text=b"0123456789"))
row("9111-3.4", "parts of two versions are not joined", Step(True, fields=(("Range", "bytes=0-4"),), gives=PART, status=206),
    asks(1, gives=Gives(200, (cc("max-age=60"), ("ETag", '"two"')), b"abcdefghij"), text=b"abcdefghij"))

# Forwarding, RFC 9110 section 7.6, and messages, RFC 9112.
for _name in ("Connection", "Keep-Alive", "Proxy-Connection", "Upgrade", "Transfer-Encoding"):
    row("9110-7.6.1", f"{_name} of a response is not passed on", miss((_name, "x") if _name != "Transfer-Encoding" else cc("max-age=1")), asks(5, lacks=(_name,)))
row("9110-7.6.1", "fields that Connection lists go no further", asks(0, ("Connection", "X-A, keep-alive"), ("X-A", "1"), ("X-B", "2"), sent=(("X-A", None), ("X-B", "2"), ("Connection", None))))
row("9110-7.6.3", "Via is added both ways", asks(0, ("Via", "1.0 before"), sent=(("Via", "1.0 before, 1.1 labctl-edge"),), has=(("Via", "1.1 labctl-edge"),)))
row("9110-9.1", "an unknown method passes", asks(0, method="BREW", body=b"coffee", gives=Gives(418), status=418))
row("9110-5.1", "an unknown field passes", asks(0, ("X-Whatever", "a, b"), sent=(("X-Whatever", "a, b"),)))
row("9110-15", "an unknown status passes", miss(status=599), asks(1))
row("9211-2", "a miss says why, and that it is stored", asks(0, gives=Gives(200, (cc("max-age=60"),)), has=(("Cache-Status", "labctl-edge; fwd=uri-miss; fwd-status=200; ttl=60; stored"),)))
row("9211-2", "a hit says so, with the time that is left", miss(cc("max-age=60")), hit(10, has=(("Cache-Status", "labctl-edge; hit; ttl=50"),)))
row("9211-2", "a revalidated one", miss(*STALE), asks(5, gives=NEW, has=(("Cache-Status", "labctl-edge; fwd=stale; fwd-status=304; ttl=60; stored"),)))
row("9211-2", "a cache before us is named first", asks(0, gives=Gives(200, (cc("max-age=60"), ("Cache-Status", "inner; hit"))), has=(("Cache-Status", "inner; hit, labctl-edge; fwd=uri-miss; fwd-status=200; ttl=60; stored"),)))

# fmt: on


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.rule} {row.story}")
def test_the_edge_does_what_the_rule_asks_for(row: Row) -> None:
    async def story(world: World) -> None:
        for number, step in enumerate(row.steps, 1):
            world.now += step.after
            world.gives = step.gives
            before = len(world.asked)
            got = await world.ask(step.method, step.target, step.fields, step.body)
            await world.quiet()
            where = f"step {number}: {got}"
            assert (len(world.asked) > before) is step.asked, where
            assert got.status == step.status, where
            for name, value in step.has:
                assert got.get(name) == world.value(value), f"{name}: {where}"
            for name in step.lacks:
                assert got.get(name) is None, f"{name}: {where}"
            for name, sent in step.sent:
                seen = world.asked[-1].get(name)
                assert seen == (None if sent is None else world.value(sent)), f"{name}: {where}"
            if step.text is not None:
                assert got.body == step.text, where
            if step.serial:
                assert got.get("X-Serial") == str(step.serial), where
            assert got.get("Cache-Status"), where
            ages = [name for name, _ in got.fields if name.lower() == "age"]
            assert step.asked or step.status >= 400 or len(ages) == 1, where

    within(story)


def test_there_are_enough_rows_and_each_has_its_own_name() -> None:
    assert len(ROWS) >= 120
    assert len({(row.rule, row.story) for row in ROWS}) == len(ROWS)
