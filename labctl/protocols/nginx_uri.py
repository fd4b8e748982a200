"""How nginx reads a request target: decoded, its dots resolved, its slashes merged (ngx_http_parse_complex_uri)."""

from __future__ import annotations

from typing import NamedTuple

_HEX = frozenset("0123456789abcdefABCDEF")
# ngx_escape_uri, NGX_ESCAPE_URI, as of nginx 1.21.1: these, controls, and all from 0x7f on.
_ESCAPED = frozenset(' "#%<>?\\^`{|}')
# NGX_ESCAPE_ARGS: what stands in a query, and in a redirect made from parts of a decoded path.
_ESCAPED_IN_ARGS = _ESCAPED | frozenset("&+;")


class Target(NamedTuple):
    """A target: `uri` decoded, one character a byte; `arguments` as sent; `quoted`: a % was in the path."""

    uri: str
    arguments: str
    raw: str
    quoted: bool


def read_target(raw: str, *, merge_slashes: bool = True) -> Target | None:
    """The target as nginx sees it; None when it answers 400: above the root, a NUL, a % without two digits."""
    path, fragment, _ = raw.partition("#")
    del fragment
    path, mark, arguments = path.partition("?")
    del mark
    if not path.startswith("/"):
        return None
    decoded = _decode(path)
    if decoded is None:
        return None
    out = _resolved(decoded, merge_slashes)
    return None if out is None else Target(out, arguments, raw.partition("#")[0], "%" in path)


def _decode(path: str) -> list[tuple[str, bool]] | None:
    """Each character, and whether it is literal: %25 and %23 never count as path syntax."""
    out: list[tuple[str, bool]] = []
    at = 0
    while at < len(path):
        character = path[at]
        if character != "%":
            out.append((character, False))
            at += 1
            continue
        digits = path[at + 1 : at + 3]
        if len(digits) < 2 or not set(digits) <= _HEX:
            return None
        byte = chr(int(digits, 16))
        if byte == "\0":
            return None
        out.append((byte, byte in "%#?"))
        at += 3
    return out


def _resolved(decoded: list[tuple[str, bool]], merge_slashes: bool) -> str | None:
    out: list[str] = []
    segment: list[str] = []

    def close(ending: str) -> bool:
        """End a segment; False when it climbs above the root."""
        name = "".join(segment)
        segment.clear()
        if name == ".":
            return True
        if name == "..":
            out.pop()
            while out and out[-1] != "/":
                out.pop()
            return bool(out)
        if name or not merge_slashes or not out:
            out.extend(name)
            out.extend(ending)
        elif not ending:
            pass
        return True

    first = True
    for character, literal in decoded:
        if character == "/" and not literal:
            if first:
                out.append("/")
                first = False
            elif not close("/"):
                return None
        else:
            segment.append(character)
    if segment and not close(""):
        return None
    return "".join(out)


def escape(text: str, *, arguments: bool = False) -> str:
    """Percent-encode what nginx does when it writes a path anew."""
    marked = _ESCAPED_IN_ARGS if arguments else _ESCAPED
    return "".join(
        f"%{ord(character):02X}" if character in marked or not "\x20" < character < "\x7f" else character
        for character in text
    )
