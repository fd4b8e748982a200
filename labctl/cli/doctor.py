"""`labctl doctor`: what this machine can and cannot do, the step that failed, and what would fix it.

Exit code 0 when every lab can run, weaker or not; 3 names those that cannot.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import platform
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from labctl import __version__, capabilities
from labctl.cli import doctor_labs, streams
from labctl.cli.command import single
from labctl.cli.doctor_labs import Standing
from labctl.cli.page import Page
from labctl.errors import CANNOT_RUN, OK
from labctl.events import Json
from labctl.render.text import escape

SCHEMA = "labctl/doctor/1"
# Without the others a lesson still runs; what is lost stands in the capability's own sentence.
_NEEDED = frozenset({"loopback", "state-directory"})
_NAME, _UNDER = 18, 6
_TOOL = re.compile(r"^\S+ \((.*?)\) is (.*)\.$")


@single("doctor", "what this machine can and cannot do", "doctor", "doctor --json", "doctor --report")
def app(
    json_: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    report: Annotated[
        bool, typer.Option("--report", help="For a bug report: no host, user or path names.")
    ] = False,
) -> int:
    """Ask the machine, and list what it said."""
    streams.never_crash_on_a_character()
    found = {each.name: each for each in capabilities.probe_all()}
    labs = doctor_labs.standings(found.__getitem__)
    code = CANNOT_RUN if any(lab.runs == "no" for lab in labs) else OK
    if json_:
        sys.stdout.write(json.dumps(document(found, labs), indent=2) + "\n")
        return code
    _Screen(Page(), without_names if report else str).show(found, labs, report=report)
    return code


def document(found: dict[str, capabilities.Capability], labs: Sequence[Standing]) -> dict[str, Json]:
    """The `labctl/doctor/1` document."""
    groups = {name: group for group, names in capabilities.GROUPS.items() for name in names}
    plan = streams.plan_for()
    return {
        "schema": SCHEMA,
        "labctl": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "terminal": {
            "term": os.environ.get("TERM", ""),
            "stdout_is_terminal": sys.stdout.isatty(),
            "columns": plan.width,
            "colours": plan.colours,
            "ascii": plan.ascii,
        },
        "capabilities": [
            {
                "name": c.name,
                "group": groups[c.name],
                "have": c.have,
                "text": c.text,
                "step": c.step,
                "errno": c.errno,
                "fix": c.fix,
                "details": [{"label": label, "text": text} for label, text in c.details],
            }
            for c in found.values()
        ],
        "labs": [
            {
                "name": lab.name,
                "imports": lab.imports,
                "runs": lab.runs,
                "evidence": lab.evidence,
                # The sentence why not: labs that run well have none to tell.
                "text": "" if lab.runs == "yes" else lab.text,
            }
            for lab in labs
        ],
        "cannot_run": [lab.name for lab in labs if lab.runs == "no"],
    }


class _Screen:
    """Groups under bold headings; a line for each capability, and below what is missing what would fix it."""

    def __init__(self, page: Page, clean: Callable[[str], str]) -> None:
        self._page = page
        self._clean = clean

    def show(
        self, found: dict[str, capabilities.Capability], labs: Sequence[Standing], *, report: bool
    ) -> None:
        """Print it on stdout."""
        page = self._page
        right = f"labctl {__version__}, {platform.system()} {platform.machine()}"
        left = "  " + page.paint("labctl", "mute") + " " + page.paint("doctor", "bold")
        page.say(left + " " * (page.width - 1 - 15 - len(right)) + page.paint(right, "mute"))
        if report:
            page.say()
            page.rows(_versions(page), 13, "mute")
        for group, names in capabilities.GROUPS.items():
            page.heading(group)
            for name in names:
                self._capability(found[name])
            if group == "This terminal" and not report:
                self._under("terminal", dict(_versions(page))["terminal"])
        page.heading("Labs")
        for lab in labs:
            self._lab(lab)
        self._ending(found, labs)
        page.show()

    def _line(self, mark: str, hue: str, name: str, text: str) -> None:
        page = self._page
        head = f"    {page.paint(mark, hue)} {name.ljust(_NAME)} "
        inner = Page()
        inner.prose(escape(self._clean(text)), indent=" " * (4 + 2 + _NAME + 1))
        first, *rest = inner.lines or [""]
        page.say((head + first.lstrip()).rstrip())
        for line in rest:
            page.say(line)

    def _under(self, label: str, text: str) -> None:
        page = self._page
        inner = Page()
        inner.prose(escape(self._clean(text)), indent=" " * (_UNDER + 9))
        first, *rest = inner.lines or [""]
        page.say(" " * _UNDER + page.paint(label.ljust(9), "mute") + first.lstrip())
        for line in rest:
            page.say(line)

    def _capability(self, capability: capabilities.Capability) -> None:
        glyphs = self._page.glyphs
        if capability.have:
            mark, hue = glyphs.passed, "ok"
        elif capability.name in _NEEDED:
            mark, hue = glyphs.failed, "bad"
        else:
            mark, hue = glyphs.absent, "mute"
        tool = capability.name in capabilities.GROUPS["Tools"]
        text = _TOOL.sub(r"\1, \2", capability.text) if tool else capability.text
        self._line(mark, hue, capability.name, text)
        for label, said in capability.details:
            self._under("asked", f"{label}: {said}")
        if capability.have:
            return
        if capability.step and not tool and not capability.details:
            self._under("failed", capability.step)
            if capability.errno:
                self._under("errno", capability.errno)
        if capability.fix:
            # Neither cut nor wrapped: a fix must survive being copied.
            page = self._page
            label = page.paint("fix".ljust(9), "accent bold")
            page.say(" " * _UNDER + label + page.paint(self._clean(capability.fix), "accent"))

    def _lab(self, lab: Standing) -> None:
        glyphs = self._page.glyphs
        mark, hue = {
            "yes": (glyphs.passed, "ok"),
            "weaker": (glyphs.passed, "warn"),
            "no": (glyphs.failed, "bad"),
        }[lab.runs]
        said = {"yes": "runs", "weaker": "runs", "no": "cannot run"}[lab.runs]
        self._line(mark, hue, lab.name, f"{said}: {lab.text}")

    def _ending(self, found: dict[str, capabilities.Capability], labs: Sequence[Standing]) -> None:
        page = self._page
        broken = [lab.name for lab in labs if lab.runs == "no"]
        have = sum(each.have for each in found.values())
        page.say()
        mark, hue = (page.glyphs.failed, "bad") if broken else (page.glyphs.passed, "ok")
        runs = f"{len(labs) - len(broken)} of {len(labs)} labs can run"
        text = f"{runs}; {have} of {len(found)} capabilities."
        if broken:
            text = f"{runs}, not {', '.join(broken)}; {have} of {len(found)} capabilities."
        page.say(f"  {page.paint(mark, hue)} {text}")


def _versions(page: Page) -> list[tuple[str, str]]:
    plan = page.plan
    width = f"{plan.width} columns" if plan.width else "not wrapped"
    terminal = [os.environ.get("TERM", "no TERM"), plan.format, width]
    terminal += [
        f"{plan.colours} colours" if plan.color else "no colour",
        "ASCII" if plan.ascii else "Unicode",
    ]
    return [
        ("labctl", __version__),
        ("python", f"{platform.python_implementation()} {platform.python_version()}"),
        ("platform", f"{platform.system()} {platform.release()} {platform.machine()}"),
        ("terminal", ", ".join(terminal)),
        ("encoding", f"{sys.stdout.encoding}, file names {sys.getfilesystemencoding()}"),
    ]


def without_names(text: str) -> str:
    """The text without this machine's name, its user's name, and its home directory."""
    secrets = {str(Path.home()): "~", platform.node(): "HOST"}
    with contextlib.suppress(KeyError, OSError):
        secrets[getpass.getuser()] = "USER"
    for secret, stand_in in secrets.items():
        # "root" is a user's name and a word of DNS; what everybody has gives nobody away.
        if len(secret) > 1 and secret not in ("root", "localhost"):
            text = text.replace(secret, stand_in)
    return text
