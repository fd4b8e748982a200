"""What starting costs, in instructions under callgrind: they repeat within 1 %, wall time here does not.

Peers in the same run: `python -c pass`, and a Typer program with one command that does nothing. The script
that an installer writes for `labctl` is not ours, and there are two kinds of it, so both are measured as
files of the run: the one of pip 24 and later and of uv, and the older one, which imports `re`.
"""

from __future__ import annotations

import compileall
import os
import re
import shutil
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

# What `pip` (from 24 on) and `uv` write into bin/labctl, and what pip wrote before.
NEW_SCRIPT = """#!{python}
import sys
from labctl.__main__ import main
if __name__ == "__main__":
    if sys.argv[0].endswith(".exe"):
        sys.argv[0] = sys.argv[0][:-4]
    sys.exit(main())
"""
OLD_SCRIPT = """#!{python}
import re
import sys
from labctl.__main__ import main
if __name__ == "__main__":
    sys.argv[0] = re.sub(r"(-script\\.pyw|\\.exe)?$", "", sys.argv[0])
    sys.exit(main())
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
        scripts = {}
        for kind, text in (("new", NEW_SCRIPT), ("old", OLD_SCRIPT)):
            script = Path(folder) / kind / "labctl"
            script.parent.mkdir()
            script.write_text(text.format(python=sys.executable))
            script.chmod(0o755)
            scripts[kind] = str(script)
        labctl = scripts["new"]
        runs = {
            "python -c pass": ([sys.executable, "-c", "pass"], plain),
            "typer no-op": (
                [sys.executable, "-c", "from noop import app; app()"],
                plain | {"PYTHONPATH": folder},
            ),
            "labctl --version": ([labctl, "--version"], plain),
            "labctl --version, old script": ([scripts["old"], "--version"], plain),
            "python -m labctl --version": ([sys.executable, "-m", "labctl", "--version"], plain),
            "labctl --help": ([labctl, "--help"], plain),
            "labctl d<TAB>": ([labctl], asks),
            "labctl dns --help": ([labctl, "dns", "--help"], plain),
            "labctl dns --json": ([labctl, "dns", "www.shop.test", "--json"], plain),
        }
        return {name: instructions(words, env, folder) for name, (words, env) in runs.items()}


def report() -> list[tuple[str, str, str]]:
    """Rows of (what, ratio, goal)."""
    if not shutil.which("valgrind"):
        return [("starting, in instructions", "not measured: needs valgrind", "")]
    seen = measure()
    python, noop = seen["python -c pass"], seen["typer no-op"]
    rows = [
        (
            "`labctl --version` (script of pip 24 or uv), to `python -c pass`",
            "labctl --version",
            python,
            "1.5",
        ),
        ("`labctl --version` (script of pip 23: imports re)", "labctl --version, old script", python, ""),
        ("`python -m labctl --version`", "python -m labctl --version", python, "1.5"),
        ("`labctl --help`, to a Typer no-op", "labctl --help", noop, "1.1"),
        ("completion of a command, to a Typer no-op", "labctl d<TAB>", noop, "1.1"),
        ("`labctl dns --help`, to a Typer no-op", "labctl dns --help", noop, ""),
        ("`labctl dns www.shop.test --json`, to a Typer no-op", "labctl dns --json", noop, ""),
    ]
    return [
        *((what, f"{seen[name] / peer:.2f}", goal) for what, name, peer, goal in rows),
        ("(`python -c pass` itself)", f"{python:.0f} million instructions", ""),
        ("(a Typer no-op itself)", f"{noop:.0f} million instructions", ""),
    ]


if __name__ == "__main__":
    for row in report():
        print(*row, sep="  |  ")
