"""The ways to break the contract: what each application does, and what PEP 3333 says."""

from __future__ import annotations

from typing import NamedTuple


class Violation(NamedTuple):
    """`does` and `rule` are sentences. The application is the function of that name in labs/wsgi/apps/violations.py."""

    name: str
    does: str
    rule: str


BROKEN: tuple[Violation, ...] = (
    Violation("no-start-response", "It never calls start_response.", "Call it before the first bytes of the body."),
    Violation("start-twice", "It calls start_response twice, without exc_info.", "Without exc_info, once."),
    Violation("start-twice-bare", "The same, and the first call has no headers.", "Without exc_info, once."),
    Violation("late-start", "It calls start_response after its body.", "Call it before the first bytes of the body."),
    Violation("str-items", "It returns [\"text\"], a list of str.", "Each item is bytes."),
    Violation("str-alone", "It returns \"text\", a str.", "Return an iterable of bytes, never a str."),
    Violation("bytes-alone", "It returns b\"text\", without a list around it.", "Bytes alone iterate as numbers."),
    Violation("nothing", "It forgets its return.", "Return an iterable of bytes."),
    Violation("length-too-short", "It says Content-Length: 9, gives 22 bytes.", "No more is sent than was said."),
    Violation("length-too-long", "It says Content-Length: 99, gives 22 bytes.", "The server cuts the connection."),
    Violation("crlf-in-header", "A visitor typed a CR LF into a value.", "A value has no control characters."),
    Violation("raises-before", "It raises after start_response, before any bytes.", "Nothing is sent yet: 500."),
    Violation("raises-after", "It raises after its first item.", "The head is out: cut the connection."),
    Violation("mends-before", "It starts again with exc_info, before any bytes.", "That is what exc_info is for."),
    Violation("hop-by-hop", "It sets Connection and Keep-Alive itself.", "The connection is the server's affair."),
    Violation("no-reason", "Its status is \"200\", without a reason.", "Three digits, a space, and a reason."),
    Violation("status-number", "Its status is 200, an int.", "The status is a str."),
    Violation("headers-dict", "Its headers are a dict.", "The headers are a list of pairs."),
    Violation("body-with-204", "It says 204 No Content, and gives a body.", "204 ends with its head."),
    Violation("reads-all", "It reads wsgi.input without a size.", "The end of the content ends the input."),
)  # fmt: skip
VIOLATIONS = ("all", *(each.name for each in BROKEN))
# Those that a claim is about; None is a run without any of them.
JUDGED = (None, "all", "no-start-response", "start-twice", "crlf-in-header", "length-too-short")
