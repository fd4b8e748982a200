"""Status codes and methods of HTTP: what each says, in a sentence, and the document (RFC 9110 unless named)."""

from __future__ import annotations

from http import HTTPStatus
from typing import NamedTuple


class StatusMeaning(NamedTuple):
    """`name` as registered ("Not Found"), a sentence, and the source."""

    name: str
    sentence: str
    source: str


_SAID: dict[int, tuple[str, str]] = {
    100: ("Go on: send the content.", "15.2.1"),
    101: ("This connection speaks another protocol from here on.", "15.2.2"),
    103: ("Hints before the answer: what the page will need.", "RFC 8297 section 2"),
    200: ("It worked: here it is.", "15.3.1"),
    201: ("Something new was made: at Location, or else at this URL.", "15.3.2"),
    202: ("Taken, not done yet.", "15.3.3"),
    203: ("Here it is, changed by a proxy on the way.", "15.3.4"),
    204: ("Done; there is nothing to show.", "15.3.5"),
    205: ("Done; clear the form.", "15.3.6"),
    206: ("Here is the part that you asked for.", "15.3.7"),
    300: ("There are several; choose.", "15.4.1"),
    301: ("Moved for good; a POST may become a GET on the way.", "15.4.2"),
    302: ("For now it is elsewhere; a POST may become a GET on the way.", "15.4.3"),
    303: ("The answer stands elsewhere: GET it.", "15.4.4"),
    304: ("What you have is still right; no content follows.", "15.4.5"),
    307: ("For now it is elsewhere: the same method, the same content.", "15.4.8"),
    308: ("Moved for good: the same method, the same content.", "15.4.9"),
    400: ("The request makes no sense to the server.", "15.5.1"),
    401: ("Say who you are first.", "15.5.2"),
    402: ("Reserved: payment.", "15.5.3"),
    403: ("Understood, and refused.", "15.5.4"),
    404: ("Nothing was found at this URL, or the server does not say that it is there.", "15.5.5"),
    405: ("This resource does not have this method; Allow says which.", "15.5.6"),
    406: ("Nothing that you would accept.", "15.5.7"),
    407: ("Say to the proxy who you are first.", "15.5.8"),
    408: ("The request took too long to arrive.", "15.5.9"),
    409: ("It conflicts with the state of the resource.", "15.5.10"),
    410: ("It was here and is gone for good.", "15.5.11"),
    411: ("Say the length first.", "15.5.12"),
    412: ("Your condition does not hold.", "15.5.13"),
    413: ("That is too much content.", "15.5.14"),
    414: ("That URL is too long.", "15.5.15"),
    415: ("Not in this format.", "15.5.16"),
    416: ("There is no such part.", "15.5.17"),
    417: ("What you expect cannot be met.", "15.5.18"),
    418: ("A joke of 1998; kept out of use.", "15.5.19"),
    421: ("You asked the wrong server for this host.", "15.5.20"),
    422: ("The format is right, the instructions are not.", "15.5.21"),
    425: ("Too early: this may be a replay.", "RFC 8470 section 5.2"),
    426: ("Another protocol is needed; Upgrade says which.", "15.5.22"),
    428: ("Add a condition, so that no update is lost.", "RFC 6585 section 3"),
    429: ("Too many requests; Retry-After may say when.", "RFC 6585 section 4"),
    431: ("The fields are too long.", "RFC 6585 section 5"),
    451: ("Not available for legal reasons.", "RFC 7725 section 3"),
    500: ("The server failed; it is not your fault.", "15.6.1"),
    501: ("The server does not know this method.", "15.6.2"),
    502: ("The server behind this proxy gave no good answer.", "15.6.3"),
    503: ("Not now: too busy, or being repaired.", "15.6.4"),
    504: ("The server behind this proxy did not answer in time.", "15.6.5"),
    505: ("Not this version of HTTP.", "15.6.6"),
    507: ("No room to store it.", "RFC 4918 section 11.5"),
    508: ("A loop.", "RFC 5842 section 7.2"),
    511: ("Log in to the network first.", "RFC 6585 section 6"),
}
# RFC 9110's names where some versions of Python have older ones.
_NAMES = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    418: "",
    422: "Unprocessable Content",
}
_CLASSES = {
    1: ("Not the answer yet.", "15.2"),
    2: ("It worked.", "15.3"),
    3: ("Something more is to be done by the client.", "15.4"),
    4: ("The request is at fault.", "15.5"),
    5: ("The server is at fault.", "15.6"),
}


def registered() -> tuple[int, ...]:
    """The status codes that have a sentence of their own, in order."""
    return tuple(_SAID)


def status_meaning(status: int) -> StatusMeaning:
    """An unregistered code is read as the x00 of its class (RFC 9110 section 15)."""
    try:
        name = _NAMES.get(status, HTTPStatus(status).phrase)
    except ValueError:
        name = ""
    said, where = _SAID.get(status) or _CLASSES.get(status // 100, ("No class that RFC 9110 knows.", "15"))
    return StatusMeaning(name, said, where if where.startswith("RFC") else f"RFC 9110 section {where}")


class MethodMeaning(NamedTuple):
    """What a method asks for; `safe`: changes nothing; `idempotent`: twice is as good as once."""

    sentence: str
    safe: bool
    idempotent: bool
    source: str


_DAV = "RFC 4918 section 9."
_QUERY = "draft-ietf-httpbis-safe-method-w-body"
METHODS = {
    "GET": MethodMeaning("Give me this.", True, True, "RFC 9110 section 9.3.1"),
    "HEAD": MethodMeaning("What would GET say? Only the head.", True, True, "RFC 9110 section 9.3.2"),
    "POST": MethodMeaning("Take this and do with it what you do.", False, False, "RFC 9110 section 9.3.3"),
    "PUT": MethodMeaning("Let this be what stands here.", False, True, "RFC 9110 section 9.3.4"),
    "DELETE": MethodMeaning("Take it away.", False, True, "RFC 9110 section 9.3.5"),
    "CONNECT": MethodMeaning("Be a tunnel to there.", False, False, "RFC 9110 section 9.3.6"),
    "OPTIONS": MethodMeaning("What can be done here?", True, True, "RFC 9110 section 9.3.7"),
    "TRACE": MethodMeaning("Send back what you got.", True, True, "RFC 9110 section 9.3.8"),
    "PATCH": MethodMeaning("Change it like this.", False, False, "RFC 5789 section 2"),
    "QUERY": MethodMeaning("Answer this question, which changes nothing.", True, True, _QUERY),
}  # fmt: skip
# WebDAV's, which many servers know and no page sends.
_MORE = {
    "PROPFIND": MethodMeaning("Which properties does this have?", True, True, f"{_DAV}1"),
    "PROPPATCH": MethodMeaning("Change its properties.", False, True, f"{_DAV}2"),
    "MKCOL": MethodMeaning("Make a collection here.", False, True, f"{_DAV}3"),
    "COPY": MethodMeaning("Copy it to Destination.", False, True, f"{_DAV}8"),
    "MOVE": MethodMeaning("Move it to Destination.", False, True, f"{_DAV}9"),
    "LOCK": MethodMeaning("Let nobody else change it.", False, False, f"{_DAV}10"),
    "UNLOCK": MethodMeaning("Others may change it again.", False, True, f"{_DAV}11"),
}


def method_meaning(method: str) -> MethodMeaning:
    """Methods are case-sensitive: `get` is not GET."""
    found = METHODS.get(method) or _MORE.get(method)
    if found is not None:
        return found
    if method.upper() in METHODS:
        return MethodMeaning(
            f"Methods have case: {method} is another one than {method.upper()}.",
            False,
            False,
            "RFC 9110 section 9.1",
        )
    return MethodMeaning(
        "A method that labctl does not know; a server that does not either says 501.", False, False, ""
    )
