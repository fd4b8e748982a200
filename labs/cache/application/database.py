"""A real database behind the cache: SQLite in memory, with a count of its reads."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable


class Prices:
    """The prices of a shop, in cents. Safe for threads.

    `before_answer` is called in each read, outside of the lock: how long a query takes. `keeps_answers`: a query
    cache stands before SQLite, as MySQL had one, and is emptied by each write.
    """

    def __init__(
        self,
        rows: int = 3,
        *,
        index: bool = True,
        keeps_answers: bool = False,
        before_answer: Callable[[], None] = lambda: None,
    ) -> None:
        self.reads = 0
        self._answers: dict[str, list[object]] | None = {} if keeps_answers else None
        self._before_answer = before_answer
        self._lock = threading.Lock()
        self._sqlite = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        key = "INTEGER PRIMARY KEY" if index else "INTEGER"
        self._sqlite.execute(f"CREATE TABLE prices (id {key}, name TEXT, cents INTEGER)")
        self._sqlite.executemany(
            "INSERT INTO prices VALUES (?, ?, ?)",
            ((number, f"article {number}", 10) for number in range(1, rows + 1)),
        )

    def read(self, article: int) -> int:
        """The price of an article."""
        with self._lock:
            self.reads += 1
            found = self._sqlite.execute("SELECT cents FROM prices WHERE id = ?", (article,)).fetchone()
        self._before_answer()
        return int(found[0])

    def row(self, article: int) -> tuple[int, str, int]:
        """The whole row, as the driver gives it."""
        with self._lock:
            self.reads += 1
            found = self._sqlite.execute("SELECT id, name, cents FROM prices WHERE id = ?", (article,))
            row: tuple[int, str, int] = found.fetchone()
        return row

    def write(self, article: int, cents: int) -> None:
        """Change a price."""
        with self._lock:
            self._sqlite.execute("UPDATE prices SET cents = ? WHERE id = ?", (cents, article))
            if self._answers is not None:
                self._answers.clear()

    def looked_at(self, query: str) -> int:
        """Run a query in which `looked_at(id)` stands; how many rows it looked at."""
        count = 0

        def look(_: object) -> int:
            nonlocal count
            count += 1
            return 1

        with self._lock:
            self._sqlite.create_function("looked_at", 1, look)
            if self._answers is None:
                self._sqlite.execute(query).fetchall()
            elif query not in self._answers:
                self._answers[query] = self._sqlite.execute(query).fetchall()
        return count

    def close(self) -> None:
        """Forget everything."""
        self._sqlite.close()
