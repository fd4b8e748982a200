"""Bytes that a proxy holds for somebody slow: in memory at first, in a file when they get many."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator

_IN_MEMORY, _PIECE = 1 << 20, 64 * 1024


class Spool:
    """One writer, one reader. The writer never waits, the reader gets what is there and waits for more. Close it."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  # `close` ends it
        self._more = asyncio.Event()
        self._failure: BaseException | None = None
        self._over = False
        self.size = 0
        self._read = 0

    def write(self, data: bytes) -> None:
        """Keep these bytes behind the others."""
        self._file.seek(self.size)
        self._file.write(data)
        self.size += len(data)
        self._more.set()

    def end(self, failure: BaseException | None = None) -> None:
        """Nothing more comes; a failure is raised in the reader once it has read all."""
        self._failure, self._over = failure, True
        self._more.set()

    async def pieces(self) -> AsyncIterator[bytes]:
        """All bytes in order. Raises the writer's failure."""
        while True:
            while self._read < self.size:
                self._file.seek(self._read)
                piece = self._file.read(_PIECE)
                self._read += len(piece)
                yield piece
            if self._over:
                if self._failure is not None:
                    raise self._failure
                return
            self._more.clear()
            await self._more.wait()

    def close(self) -> None:
        """Forget it all."""
        with contextlib.suppress(OSError):
            self._file.close()


async def through(spool: Spool, source: AsyncIterator[bytes]) -> None:
    """Write all of `source` into the spool; its failure is the reader's."""
    try:
        async for data in source:
            spool.write(data)
    except (OSError, ValueError) as error:
        spool.end(error)
    else:
        spool.end()
