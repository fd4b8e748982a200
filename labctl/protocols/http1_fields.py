"""Header fields of HTTP/1.1: from bytes, strictly, and looking them up (RFC 9110 and RFC 9112 section 5).

Names stay as they were sent, values are Latin-1 without the white space around them. Anything that two
implementations could read differently is refused: that is what request smuggling lives on.
"""

from __future__ import annotations

from collections.abc import Iterable

Fields = tuple[tuple[str, str], ...]

# token, RFC 9110 section 5.6.2
TOKEN = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# What may stand in a line: HTAB, SP, VCHAR and obs-text. NUL and the other controls may not.
IN_A_LINE = bytes([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)])
_ALLOWED = IN_A_LINE + b"\r\n"
# Field lines are remembered that are not longer, and so many of them: 3 MB at most.
_MOST_BYTES = 256
_MOST_LINES = 4096


class MessageError(ValueError):
    """Bytes that are no HTTP/1.1 message. `status` is what a server answers them with, `code` names the fault."""

    def __init__(self, code: str, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.status = status


def split_lines(raw: bytes) -> list[str]:
    """The lines of a head or trailer section that ends with an empty line, without the empty line.

    Raises MessageError for a CR or LF that is not half of a CRLF, and for a control character.
    """
    if raw.translate(None, _ALLOWED):
        bad = raw.translate(None, _ALLOWED)[0]
        raise MessageError("bad-character", f"The head contains the control character 0x{bad:02x}.")
    lines = raw.count(b"\r\n")
    if raw.count(b"\n") != lines or raw.count(b"\r") != lines:
        raise MessageError("bare-line-end", "A line ends with a lone CR or LF; RFC 9112 wants CRLF.")
    return raw[: -4 if raw.endswith(b"\r\n\r\n") else -2].decode("latin-1").split("\r\n")


def parse_fields(lines: list[str]) -> Fields:
    """Name and value of each line. Raises MessageError bad-field: no colon, no token before it, a folded line."""
    fields = []
    names = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name:
            if name[:1] in (" ", "\t") and name:
                raise _bad_name([name])
            raise MessageError(
                "bad-field", f"A field line has no {'name' if colon else 'colon'}: {_cut(line)}."
            )
        names.append(name)
        fields.append((name, value.strip(" \t")))
    if "".join(names).encode("latin-1").translate(None, TOKEN):
        raise _bad_name(names)
    return tuple(fields)


class _KnownLines(dict[bytes, tuple[tuple[str, str], tuple[str, str]]]):
    """Field lines that came before, each with (name, value) and (lower-case name, value).

    The fields of one peer's messages hardly differ, and to look a line up takes a tenth of reading it. A line that is
    no field line by the rules of `split_lines` and `parse_fields` is a KeyError.
    """

    def __missing__(self, line: bytes) -> tuple[tuple[str, str], tuple[str, str]]:
        name, colon, rest = line.partition(b":")
        if not colon or rest.translate(None, IN_A_LINE):
            raise KeyError(line)
        text, low = _known_names[name]
        value = rest.decode("latin-1").strip(" \t")
        found = ((text, value), (low, value))
        if len(line) <= _MOST_BYTES:
            if len(self) >= _MOST_LINES:
                self.clear()
            self[line] = found
        return found


class _KnownNames(dict[bytes, tuple[str, str]]):
    """Field names that came before, as they were and in lower case. What is no name is a KeyError."""

    def __missing__(self, name: bytes) -> tuple[str, str]:
        if not name or name.translate(None, TOKEN):
            raise KeyError(name)
        text = name.decode("ascii")
        if len(name) <= _MOST_BYTES:
            if len(self) >= _MOST_LINES:
                self.clear()
            self[name] = (text, text.lower())
        return text, text.lower()


_known = _KnownLines()
_known_names = _KnownNames()


def read_fields(lines: list[bytes]) -> tuple[Fields, dict[str, str]]:
    """Field lines without their CRLF: the fields, and the same `by_name`.

    Raises KeyError when one is not good: `split_lines` and `parse_fields` say what is wrong with it.
    """
    if not lines:
        return (), {}
    known = _known
    fields, low = zip(*[known[line] for line in lines], strict=True)
    named = dict(low)
    return fields, named if len(named) == len(fields) else by_name(fields)


def by_name(fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Lower-case name: value; the lines of one field are combined with ", " (RFC 9110 section 5.3)."""
    index: dict[str, str] = {}
    for name, value in fields:
        key = name.lower()
        index[key] = f"{index[key]}, {value}" if key in index else value
    return index


def _bad_name(names: list[str]) -> MessageError:
    name = next(n for n in names if not is_token(n))
    if name[0] in " \t":
        return MessageError("folded-field", "A field line begins with white space: line folding is obsolete.")
    if name.rstrip(" \t") != name:
        return MessageError(
            "space-before-colon", f"White space stands before the colon of {_cut(name.rstrip())}."
        )
    return MessageError("bad-field", f"A field name may not contain what stands in {_cut(name)}.")


def unfold(lines: list[str]) -> list[str]:
    """Lines of a response in which a folded line is joined to the one before (RFC 9112 section 5.2)."""
    whole: list[str] = []
    for line in lines:
        if line[:1] in (" ", "\t") and whole:
            whole[-1] = f"{whole[-1].rstrip(' ' + chr(9))} {line.strip(' ' + chr(9))}"
        else:
            whole.append(line)
    return whole


def _cut(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")


def is_token(text: str) -> bool:
    """Whether `text` may be a method or a field name."""
    return bool(text) and text.isascii() and not text.encode("ascii").translate(None, TOKEN)


def get(fields: Fields, name: str) -> str | None:
    """The value of a field, its lines combined with ", "; None when it is not there. Not for Set-Cookie."""
    found = get_all(fields, name)
    if not found:
        return None
    return found[0] if len(found) == 1 else ", ".join(found)


def get_all(fields: Fields, name: str) -> list[str]:
    """The value of each line with this name, in order."""
    wanted, size = name.lower(), len(name)
    return [value for key, value in fields if len(key) == size and key.lower() == wanted]


def without(fields: Fields, *names: str) -> Fields:
    """`fields` without the lines that have one of these names."""
    dropped = {name.lower() for name in names}
    return tuple(pair for pair in fields if pair[0].lower() not in dropped)


def list_items(value: str) -> list[str]:
    """The members of a comma-separated list without quoted strings, in lower case, empty ones left out."""
    return [item for part in value.split(",") if (item := part.strip(" \t").lower())]
