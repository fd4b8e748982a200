"""Content codings undone, with a bound: a few bytes can unpack to a gigabyte (RFC 9110 section 8.4.1)."""

from __future__ import annotations

import zlib
from typing import NamedTuple

MOST = 4_000_000


class Decoded(NamedTuple):
    """The bytes, at most MOST of them; `failure` is a clause such as "it is not gzip", `cut` says there was more."""

    data: bytes
    failure: str = ""
    cut: bool = False


def decoded(data: bytes, codings: str, *, most: int = MOST) -> Decoded:
    """Undo the codings of a Content-Encoding value, the last one first."""
    cut = False
    for coding in reversed([part.strip().lower() for part in codings.split(",") if part.strip()]):
        if coding == "identity":
            continue
        if coding not in ("gzip", "x-gzip", "deflate"):
            return Decoded(data, f"labctl does not undo {coding}")
        one = _unzipped(data, coding, most)
        if one.failure:
            return one
        data, cut = one.data, cut or one.cut
    return Decoded(data, cut=cut)


def _unzipped(data: bytes, coding: str, most: int) -> Decoded:
    # 31: gzip's frame; 15: zlib's, which "deflate" means; -15: the bare stream that some send instead.
    for bits in (31,) if coding.endswith("gzip") else (15, -15):
        machine = zlib.decompressobj(bits)
        try:
            out = machine.decompress(data, most)
        except zlib.error:
            continue
        if not machine.eof and len(out) < most:
            return Decoded(out, f"it ends in the middle of {coding}")
        return Decoded(out, cut=not machine.eof)
    return Decoded(data, f"it is not {coding}")
