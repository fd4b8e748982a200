"""What starting costs, in instructions under callgrind: they repeat within 1 %, wall time here does not.

Peers in the same run: `python -c pass`, and a Typer program with one command that does nothing.
"""

from __future__ import annotations

import compileall
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOOP = """import typer
app = typer.Typer(add_completion=False)
@app.command()
def noop() -> None:
    pass
"""


def instructions(words: list[str], environment: dict[str, str], folder: str) -> float:
    """Millions of instructions of a command, children included."""
    out = Path(folder) / "callgrind.%p.out"
    before = set(Path(folder).glob("callgrind.*"))
    command = ["valgrind", "--tool=callgrind", "--trace-children=yes", f"--callgrind-out-file={out}", *words]
    subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, stdin=subprocess.DEVNULL, check=False
    )
    total = 0
    for path in set(Path(folder).glob("callgrind.*")) - before:
        found = re.search(r"^(?:summary|totals): (\d+)", path.read_text(errors="replace"), re.MULTILINE)
        total += int(found[1]) if found else 0
    return total / 1e6


def measure() -> dict[str, float]:
    """Millions of instructions by what was run."""
    compileall.compile_dir(str(ROOT / "labctl"), quiet=1)
    compileall.compile_dir(str(ROOT / "labs"), quiet=1)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "noop.py").write_text(NOOP)
        compileall.compile_dir(folder, quiet=1)
        plain = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": "0", "HOME": folder, "LABCTL_HOME": folder}
        asks = plain | {
            "_LABCTL_COMPLETE": "complete_bash",
            "COMP_WORDS": "labctl d",
            "COMP_CWORD": "1",
            "_TYPER_COMPLETE_ARGS": "labctl d",
        }
        labctl = str(Path(sys.executable).parent / "labctl")
        runs = {
            "python -c pass": ([sys.executable, "-c", "pass"], plain),
            "typer no-op": (
                [sys.executable, "-c", "from noop import app; app()"],
                plain | {"PYTHONPATH": folder},
            ),
            "labctl --version": ([labctl, "--version"], plain),
            "labctl --help": ([labctl, "--help"], plain),
            "labctl d<TAB>": ([labctl], asks),
            "labctl dns --help": ([labctl, "dns", "--help"], plain),
        }
        return {name: instructions(words, env, folder) for name, (words, env) in runs.items()}


def report() -> list[tuple[str, str, str]]:
    """Rows of (what, ratio, goal)."""
    seen = measure()
    python, noop = seen["python -c pass"], seen["typer no-op"]
    return [
        ("`labctl --version`, to `python -c pass`", f"{seen['labctl --version'] / python:.2f}", "1.5"),
        ("`labctl --help`, to a Typer no-op", f"{seen['labctl --help'] / noop:.2f}", "1.1"),
        ("completion of a command, to a Typer no-op", f"{seen['labctl d<TAB>'] / noop:.2f}", "1.1"),
        ("`labctl dns --help`, to a Typer no-op", f"{seen['labctl dns --help'] / noop:.2f}", ""),
        ("(a Typer no-op itself)", f"{noop:.0f} million instructions", ""),
    ]


if __name__ == "__main__":
    for row in report():
        print(*row, sep="  |  ")
