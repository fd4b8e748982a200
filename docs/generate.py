"""Put what labctl really prints into README.md and docs/*.md; `--check` fails when they differ.

A block between `<!-- output: COMMAND -->` and `<!-- end -->` holds the output of that command. Times differ
from run to run, so the check compares everything but them. `<!-- output in any order: COMMAND -->` is for what happens
in several processes at once: there the lines are compared, and not which is first.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(
    r"(?P<head><!-- output(?P<any> in any order)?: (?P<command>[^>]+?) -->\n)(?P<body>.*?)(?P<tail><!-- end -->)",
    re.DOTALL,
)
# Durations, shares of them, a picture's axis, the ladder's column of milliseconds, ports that the kernel chose.
VARIES = re.compile(
    r"^ +0 [ \d,.]+ m?s$|^ +└[─┴]+┘$|(under )?\d[\d,]*(\.\d+)? ms|\d+\.\d+ s\b|\d+%"
    r"|127\.0\.0\.1:\d+|^ +\d+(\.\d)?(?= .*[│])"
    # A time line: who took which request, how many waited, and what follows from it.
    r"|(?<=^  worker \d) .*[█▓┄].*|(?<=^  queue ) .*┄.*|\bpid \d+|request [a-z]\b|worst \d+"
    r"|(?<=--workers )\d+(?= the queue)|(?<=computed: )\d+"
    # Which worker has the job.
    r"|(?<=live, )w\d"
    # Times of calls in a column, dates, signatures, a port in quotes, and how large an environment is.
    r"|^ +\d+\.\d+( +\d+\.\d+)?(?=  )|\d{4}-\d\d-\d\d [\d:]+ UTC|\w{3}, \d\d \w{3} \d{4} [\d:]+ GMT"
    r"|[\w-]{4,}\.\.\.|^    time +[\w-]+|\"\d{5}\"|\+\d\d\b|\d+(?= variables of its process)",
    re.MULTILINE,
)
# How long a bar is and where it begins.
BAR = re.compile(r" *[█▌▐▓━╸┄]+ *")
TRIES = 4
# What makes room for them.
ROOM = re.compile(r" +|─+")


def output(command: str) -> str:
    """What this command prints to a pipe, with a home of its own and the default settings."""
    words = shlex.split(command)
    with tempfile.TemporaryDirectory() as home:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("LABCTL_") and k != "CI"}
        environment |= {"LABCTL_HOME": home, "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
        # As where the environment is active: `by hand` says gunicorn there, and no path of this machine.
        environment["PATH"] = os.pathsep.join((os.path.dirname(sys.executable), environment.get("PATH", "")))
        done = subprocess.run(  # noqa: S603 - the commands stand in our own documents
            [sys.executable, "-m", *words],
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=environment,
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
    if done.returncode not in (0, 1):
        sys.exit(f"{command}: exit code {done.returncode}\n{done.stderr}")
    return done.stdout.rstrip("\n")


def renewed(block: re.Match[str]) -> str:
    """The block made anew, or as it is when what labctl prints is the same in all that is compared."""
    command, fresh = block["command"], block[0]
    # A machine that is busy for a moment prints a walk in another shape: then it is asked again.
    for _ in range(TRIES):
        fresh = f"{block['head']}```text\n$ {command}\n{output(command)}\n```\n{block['tail']}"
        if comparable(fresh) == comparable(block[0]):
            return block[0]
    told = difflib.unified_diff(
        comparable(block[0]).splitlines(), comparable(fresh).splitlines(), "document", command, "", "", 0, ""
    )
    print(*told, sep="\n", file=sys.stderr)  # noqa: T201
    return fresh


def comparable(text: str) -> str:
    """The document without what differs from run to run."""
    same = ROOM.sub(lambda run: run[0][0], BAR.sub(" ", VARIES.sub("#", text)))
    return BLOCK.sub(
        lambda m: m["head"] + (_any_order(m["body"]) if m["any"] else m["body"]) + m["tail"], same
    )


def _any_order(body: str) -> str:
    """The lines, sorted; a ladder's lifelines left out, since another row may stand beside them."""
    return "\n".join(sorted(" ".join(line.replace("│", " ").split()) for line in body.splitlines()))


def main() -> int:
    """Renew the documents, or with `--check` say which are not what labctl prints."""
    check = "--check" in sys.argv[1:]
    stale = []
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        old = path.read_text(encoding="utf-8")
        new = BLOCK.sub(renewed, old)
        if new != old:
            stale.append(path.relative_to(ROOT))
            if not check:
                path.write_text(new, encoding="utf-8")
    for name in stale:
        print(f"{name}: {'is not what labctl prints: make format' if check else 'renewed'}")  # noqa: T201
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
