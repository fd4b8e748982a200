"""The commands that are not labs: name, the module that holds `app`, one line of help, group of the help.

A table, so that `--help` and completion list the commands without importing one (facts: performance.md 1.3).
A test compares each line with what the command says of itself.
"""

from __future__ import annotations

JOURNEY, PRACTICE, TEACH = "The journey", "Practice", "Teach and check"

COMMANDS: tuple[tuple[str, str, str, str], ...] = (
    # A lab that has commands beside it: its own title, which the table of labs says first.
    ("jobs", "labctl.cli.jobs", "slow work, live", JOURNEY),
    (
        "explain",
        "labctl.cli.explain",
        "what a header field, a status, a claim or a code means",
        PRACTICE,
    ),
    (
        "sandbox",
        "labctl.cli.sandbox",
        "the sandbox internet for other tools, and an HTTP cache",
        PRACTICE,
    ),
    ("shell", "labctl.cli.shell", "a shell, or one command, inside the sandbox internet", PRACTICE),
    ("port", "labctl.cli.port", "who has a port, and why bind() says it is in use", PRACTICE),
    ("doctor", "labctl.cli.doctor", "what this machine can and cannot do", TEACH),
    ("schema", "labctl.cli.schema", "the JSON Schema of what labctl prints", TEACH),
)
