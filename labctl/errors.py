"""What can go wrong, its exit code, and its hint.

An error of ours is one that stops the program from doing what was asked. What a peer does on the wire (NXDOMAIN,
a TLS alert, RST, 502) is evidence and never comes here. Library errors are translated once, at the seam.
Codes are stable kebab-case words: they are printed, stand in the JSON, and `labctl explain CODE` says more.
"""

from __future__ import annotations

OK = 0
REFUTED = 1
USAGE = 2
CANNOT_RUN = 3
NOTHING_JUDGED = 4
MALFORMED = 5
INTERNAL = 70
INTERRUPTED = 130


class LabctlError(Exception):
    """Something that stops us, told to a person.

    `headline` is one sentence without its full stop; `evidence` are at most three (label, text) pairs of what was
    tried and seen; `fixes` are commands that work as pasted. `exit_code` is one of the module's constants.
    """

    exit_code = CANNOT_RUN

    def __init__(
        self,
        code: str,
        headline: str,
        *,
        evidence: tuple[tuple[str, str], ...] = (),
        fixes: tuple[str, ...] = (),
    ) -> None:
        headline = headline.removesuffix(".")
        super().__init__(headline)
        self.code = code
        self.headline = headline
        self.evidence = evidence
        self.fixes = fixes


class UsageError(LabctlError):
    """The command line cannot mean anything: exit 2."""

    exit_code = USAGE


class CannotRun(LabctlError):
    """A capability, the network or the target is out of reach: exit 3."""

    exit_code = CANNOT_RUN


class Malformed(LabctlError):
    """A lab, session, answers or results file is not what it should be: exit 5."""

    exit_code = MALFORMED
