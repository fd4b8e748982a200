"""`--save` and `--junit`: written when the run has been shown, whole or not at all."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

from labctl import render
from labctl.errors import CannotRun
from labctl.play import Renderer, Run
from labctl.render.json_lines import JsonRenderer


class SavedFiles:
    """The files that a run leaves behind. `end` writes them; the first failure is the error."""

    def __init__(self, save: str | None, junit: str | None) -> None:
        self._document = io.StringIO()
        self._json = JsonRenderer(self._document) if save else None
        self._save = Path(save) if save else None
        self._junit = Path(junit) if junit else None

    def begin(self, run: Run) -> None:
        """Nothing is opened yet: a run must not fail half-way for a file."""
        if self._json is not None:
            self._json.begin(run)

    def end(self, run: Run) -> None:
        """Write the files. Raises CannotRun when one cannot be written, after writing the others."""
        failed: list[CannotRun] = []
        if self._json is not None and self._save is not None:
            self._json.end(run)
            text = self._document.getvalue()
            failed += _written(self._save, "--save", lambda path: _write(path, text))
        if self._junit is not None:
            failed += _written(self._junit, "--junit", lambda path: _end(render.junit(path), run))
        if failed:
            raise failed[0]


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _end(renderer: Renderer, run: Run) -> None:
    renderer.begin(run)
    renderer.end(run)


def _written(path: Path, option: str, write: Callable[[Path], None]) -> list[CannotRun]:
    """Write beside the file and put it in its place. A device or a pipe is written to as it is."""
    direct = path.exists() and not path.is_file()
    target = path if direct else path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(target)
        if not direct:
            os.replace(target, path)
    except (OSError, CannotRun) as error:
        if not direct:
            target.unlink(missing_ok=True) if target.parent.is_dir() else None
        return [_failure(path, option, error)]
    return []


def _failure(path: Path, option: str, error: OSError | CannotRun) -> CannotRun:
    got = f"{type(error).__name__}: {error.strerror or error}" if isinstance(error, OSError) else ""
    evidence = (("got", got),) if got else error.evidence if isinstance(error, CannotRun) else ()
    return CannotRun(
        "cannot-write",
        f"{path} cannot be written",
        evidence=(("shown", "the run above is complete"), *evidence),
        fixes=(f"choose another path for {option}",),
    )
