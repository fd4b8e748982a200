"""What listing and completing may cost: nothing that a lab needs is imported."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from labctl import __version__, catalog
from labctl.cli.manifest import COMMANDS

HEAVY = [
    "dns",
    "httpx",
    "cryptography",
    "asyncio",
    "ssl",
    "flask",
    "importlib.metadata",
    "rich",
    "pydantic",
    "importlib.resources",
    "tomllib",
    "labs.dns.lab",
    "labctl.sandbox",
    "labctl.lab",
    "labctl.lesson",
    "labctl.play",
    "labctl.live",
    "labctl.capabilities",
    "subprocess_",
    "labctl_lab_echo",
    "labctl_lab_broken",
]

# What a run that asks nobody anything can do without: benchmarks/README.md.
NOT_FOR_A_WALK = [
    "cryptography",
    "dns.dnssec",
    "httpx",
    "ssl",
    "importlib.metadata",
    "importlib.resources",
    "tomllib",
    "platformdirs",
    "labctl.quiz",
    "labctl.progress",
    "labctl.lesson.asking",
    "labctl.sandbox.faults",
    "rich",
]

SPY = """
import sys
sys.argv[1:] = {words!r}
from labctl.__main__ import main
try:
    code = main()
except SystemExit as end:
    code = end.code
print("LOADED", [m for m in {heavy!r} if m in sys.modules], file=sys.stderr)
"""


def loaded(
    environment: dict[str, str], *words: str, heavy: Sequence[str] = HEAVY, **env: str
) -> tuple[str, str]:
    """What was printed, and the list of heavy modules, of a command line."""
    done = subprocess.run(
        [sys.executable, "-c", SPY.format(words=list(words), heavy=list(heavy))],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**environment, **env},
        check=True,
        timeout=60,
    )
    return done.stdout, done.stderr.rpartition("LOADED")[2].strip()


def test_the_version_is_told_before_typer_is_imported(environment: dict[str, str]) -> None:
    for flag in ("--version", "-V"):
        script = f"import sys; sys.argv = ['labctl', '{flag}']; from labctl.__main__ import main; main();"
        script += "print('typer' in sys.modules, 'typing' in sys.modules, 're' in sys.modules)"
        done = subprocess.run(
            [sys.executable, "-S", "-c", script],
            capture_output=True,
            text=True,
            cwd=Path(__file__).parents[2],
            env={**environment, "PYTHONPATH": ""},
            check=True,
        )
        assert done.stdout == f"labctl {__version__}\nFalse False False\n"


def test_the_help_imports_no_lab_and_nothing_that_a_lab_needs(environment: dict[str, str]) -> None:
    shown, modules = loaded(environment, "--help")
    assert modules == "[]"
    for name, _, title, panel in COMMANDS:
        assert name in shown
        assert title in shown
        assert panel in shown


def test_the_help_makes_no_dataclass_which_costs_four_million_instructions(
    environment: dict[str, str],
) -> None:
    script = (
        "import sys, typer; before = set(sys.modules); sys.argv = ['labctl', '--help'];"
        "from labctl.__main__ import main; main();"
        "print('dataclasses' in before or 'dataclasses' not in sys.modules, file=sys.stderr);"
        "print([m for m in set(sys.modules) - before if m.startswith('labctl')"
        " and hasattr(sys.modules[m], 'dataclass')], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
        timeout=60,
    )
    assert done.stderr.split("\n")[:2] == ["True", "[]"]


def test_a_run_that_asks_nothing_imports_neither_quiz_nor_signatures(environment: dict[str, str]) -> None:
    words = ("dns", "www.shop.test", "--json")
    shown, modules = loaded(environment, *words, heavy=NOT_FOR_A_WALK)
    assert json.loads(shown)["exit_code"] == 0
    assert modules == "[]"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_imports_no_lab(environment: dict[str, str], shell: str) -> None:
    env = {
        "_LABCTL_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": "labctl d",
        "COMP_CWORD": "1",
        "_TYPER_COMPLETE_ARGS": "labctl d",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    shown, modules = loaded(environment, **env)
    assert "dns" in shown
    assert "doctor" in shown
    assert modules == "[]"


def test_the_help_of_the_dns_lab_needs_neither_dnspython_nor_the_sandbox(environment: dict[str, str]) -> None:
    shown, modules = loaded(environment, "dns", "--help")
    assert "--dnssec" in shown
    for heavy in ("'dns'", "httpx", "cryptography", "'ssl'", "asyncio", "labctl.sandbox", "'rich'"):
        assert heavy not in modules


def test_completion_of_an_option_s_value_lists_the_faults(environment: dict[str, str]) -> None:
    env = {"_LABCTL_COMPLETE": "complete_bash", "COMP_WORDS": "labctl dns --break no-", "COMP_CWORD": "3"}
    shown, modules = loaded(environment, **env)
    assert "no-glue" in shown.split()
    assert "'dns'" not in modules


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("labctl dns --type M", {"MX"}),
        ("labctl dns --type aa", {"aaaa"}),
        ("labctl explain dns.ref", {"dns.referral"}),
        ("labctl explain root-kn", {"root-knows-it-all"}),
        ("labctl explain port-in", {"port-in-use"}),
        ("labctl explain que", {"questions", "query-budget"}),
        ("labctl explain var", {"vary"}),
        ("labctl explain Max-", {"Max-age", "Max-stale"}),
        ("labctl explain 30", {"301", "304"}),
        ("labctl explain unknown_", {"unknown_ca"}),
    ],
)
def test_completion_of_values_imports_nothing_that_a_run_needs(
    environment: dict[str, str], line: str, offered: set[str]
) -> None:
    env = {"_LABCTL_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    shown, modules = loaded(environment, **env)
    assert offered <= set(shown.split())
    for heavy in (
        "'dns'",
        "httpx",
        "cryptography",
        "'ssl'",
        "asyncio",
        "'rich'",
        "labctl.live",
        "labctl_lab_echo",
    ):
        assert heavy not in modules


def test_completion_of_options_knows_the_lab_s_own_and_the_common_ones(environment: dict[str, str]) -> None:
    env = {"_LABCTL_COMPLETE": "complete_bash", "COMP_WORDS": "labctl echo --", "COMP_CWORD": "2"}
    shown, _ = loaded(environment, **env)
    assert {"--times", "--no-polite", "--seed", "--break"} <= set(shown.split())


def test_the_table_of_commands_says_what_the_commands_say(environment: dict[str, str]) -> None:
    from importlib import import_module

    from typer.main import get_command

    for name, module, title, _ in COMMANDS:
        assert get_command(import_module(module).app).help == title, name


def test_the_table_of_labs_names_labs_that_import() -> None:
    for entry in catalog.built_in():
        assert catalog.load(entry).name == entry.name
        assert entry.panel == "The journey"


def test_the_list_of_heavy_modules_would_notice(environment: dict[str, str]) -> None:
    _, modules = loaded(environment, "echo", "--json")
    assert json.loads(modules.replace("'", '"')), "this command does load some of them"
