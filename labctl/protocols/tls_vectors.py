"""Numbers and vectors as TLS writes them (RFC 8446 section 3), read one after the other."""

from __future__ import annotations


class Cut(ValueError):
    """The bytes end before the field does."""


class Bytes:
    """A cursor. Every read raises Cut where too little is left, naming the field."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __len__(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int, field: str) -> bytes:
        if len(self) < count:
            raise Cut(f"{field} needs {count} bytes, and {len(self)} are left")
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self, size: int, field: str) -> int:
        return int.from_bytes(self.take(size, field), "big")

    def vector(self, size: int, field: str) -> bytes:
        """Bytes behind a length of `size` bytes."""
        return self.take(self.number(size, f"the length of {field}"), field)

    def numbers(self, size: int, field: str) -> tuple[int, ...]:
        """Two-byte numbers behind a length of `size` bytes."""
        inside = Bytes(self.vector(size, field))
        found = []
        while len(inside):
            found.append(inside.number(2, field))
        return tuple(found)
