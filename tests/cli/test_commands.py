"""Commands, their help, and what is said of a wrong command line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from labctl import catalog
from labctl.cli import options
from labctl.cli.schema import NAMES


def test_labctl_alone_shows_the_stops_and_the_one_next_command(labctl: Any) -> None:
    done = labctl()
    assert done.returncode == 0
    assert "you are here" in done.stdout
    assert "next      labctl dns" in done.stdout
    assert "\x1b" not in done.stdout


def test_the_help_groups_the_commands_and_lists_labs_of_other_packages(labctl: Any) -> None:
    shown = labctl("--help").stdout
    places = [
        shown.index(p)
        for p in ("The journey", "Practice", "Teach and check", "From other packages", "Everywhere")
    ]
    assert places == sorted(places)
    assert "echo          what comes back when you call" in shown
    assert "broken        a lab that does not import" in shown
    assert all(len(line) < 80 for line in shown.splitlines())
    assert "╭" not in shown


def test_the_help_of_a_lab_has_three_examples_and_one_panel_of_common_options(labctl: Any) -> None:
    shown = labctl("echo", "--help").stdout
    for line in (
        "labctl echo hello --times 2",
        "Usage  labctl echo [WORD] [options]",
        "--polite/--no-polite",
    ):
        assert line in shown
    assert "--how softly|loudly" in shown
    assert shown.index("--times") < shown.index("Common options") < shown.index("--live")
    assert "What to say. [default: hello]" in shown
    assert "labctl_lab" not in shown


VARIABLES = {option.envvar for _, _, option, _ in options._COMMON if option.envvar} | {"LABCTL_INTERNET"}


@pytest.mark.parametrize("columns", [60, 80, 100])
def test_an_option_with_many_choices_is_broken_between_them(labctl: Any, columns: int) -> None:
    shown = labctl("workers", "--help", COLUMNS=str(columns)).stdout
    assert max(map(len, shown.splitlines())) < columns
    assert "tree|kill|hang|timeout|" in shown


def test_the_help_of_a_lab_names_the_common_options_and_explains_them_when_asked(labctl: Any) -> None:
    for columns in ("60", "80"):
        shown = labctl("echo", "--help", COLUMNS=columns).stdout
        block = shown[shown.index("Common options") :]
        assert len(block.splitlines()) <= 12
        assert "labctl echo --help -v" in block
        assert "Ask nothing." not in shown
        whole = labctl("echo", "--help", "-v", COLUMNS=columns).stdout
        for text in ("Ask nothing.", "--pace real|slow|step|instant", "LABCTL_FORMAT"):
            assert text in whole
        assert set(re.findall(r"LABCTL_[A-Z_]+", whole)) == VARIABLES
        names = set(re.findall(r"--[a-z-]+", whole[whole.index("Common options") :]))
        assert names <= set(re.findall(r"--[a-z-]+", block)), "every name stands in the block"


def test_a_target_of_this_machine_that_the_sandbox_cannot_reach_is_said(labctl: Any) -> None:
    for words in (
        ("url", "http://127.0.0.1:9/", "--sandbox"),
        ("http", "http://localhost:9/", "--break", "h2-loses-fields"),
        ("cache", "http://[::1]:9/a.css", "--sandbox"),
        ("tcp", "127.0.0.1:9", "--sandbox"),
    ):
        shown = labctl(*words).stdout
        assert f"Notice: {words[1]} is on this machine and not part of the sandbox internet" in shown, words
    shown = labctl("url", "http://192.168.7.7:9/", "--sandbox", "--timeout", "1").stdout
    assert "is on your own network and not part of the sandbox internet" in shown
    assert "Notice" not in labctl("url", "http://shop.test/", "--sandbox").stdout
    # Asked for real, there is nothing to warn of.
    assert "Notice" not in labctl("http", "http://127.0.0.1:9/").stdout


def test_an_application_of_the_users_is_never_called_the_internet(labctl: Any, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("from flask import Flask\napp = Flask(__name__)\n")
    for where in ((), ("--sandbox",), ("--live",)):
        shown = labctl("flask", f"{tmp_path}/shop.py:app", "GET", "/", *where)
        assert shown.returncode == 0, shown.stderr
        assert ". Your own, on this machine, seed 1." in shown.stdout
        assert "Notice" not in shown.stdout


@pytest.mark.parametrize("columns", ["40", "60", "200"])
def test_help_fits_the_width_that_there_is(labctl: Any, columns: str) -> None:
    for words in (("--help",), ("echo", "--help"), ("sandbox", "--help")):
        shown = labctl(*words, COLUMNS=columns).stdout
        longest = max(shown.splitlines(), key=len)
        # What must survive being copied is never broken.
        assert len(longest) <= max(int(columns), 42), longest


def test_colour_follows_the_terminal_and_the_wish(labctl: Any) -> None:
    assert "\x1b[" not in labctl("--help").stdout
    assert "\x1b[" in labctl("--help", FORCE_COLOR="1").stdout
    assert "\x1b[" not in labctl("--help", FORCE_COLOR="1", NO_COLOR="1").stdout
    assert labctl("--help", LABCTL_ASCII="1").stdout.isascii()


@pytest.mark.parametrize(
    ("words", "headline", "fix"),
    [
        (("dsn",), "there is no command 'dsn'", "did you mean labctl dns"),
        (("echos",), "there is no command 'echos'", "did you mean labctl echo"),
        (("xyzzy",), "there is no command 'xyzzy'", "labctl --help"),
        (("help",), "there is no command 'help'", "did you mean labctl --help?"),
        (("version",), "there is no command 'version'", "did you mean labctl --version?"),
        (("list",), "there is no command 'list'", "did you mean labctl?"),
        (("dns", "a..b.test"), "has an empty label", "  labctl dns a.b.test"),
        (("echo", "--tmes", "2"), "labctl echo has no option --tmes", "did you mean --times"),
        (("echo", "--jsno"), "labctl echo has no option --jsno", "--json"),
        (("echo", "--times", "x"), "--times: 'x' is not a whole number", "labctl echo --help"),
        (("echo", "--how", "x"), "--how cannot be 'x'", "labctl echo --how softly   for example"),
        (
            ("echo", "--how=Loudli", "a"),
            "--how cannot be 'Loudli'",
            "did you mean labctl echo --how=loudly a?",
        ),
        (
            ("shell", "--break", "no-glue", "curl", "-sI", "https://a b/"),
            "labctl shell has no option -s",
            "fix     labctl shell --break no-glue -- curl -sI 'https://a b/'",
        ),
        (
            ("sandbox", "edge"),
            "needs the server behind it",
            "fix     labctl sandbox edge --upstream http://127.0.0.1:5000",
        ),
        (
            ("sandbox", "edge", "http://a.test", "--profile", "fastly"),
            "there is no profile 'fastly'",
            "fix     labctl sandbox edge --upstream http://a.test\n",
        ),
        (
            ("sandbox", "edge", "http://a.test", "--profile", "Cloudflair", "--size", "1G"),
            "there is no profile 'Cloudflair'",
            "fix     labctl sandbox edge --upstream http://a.test --profile cloudflare --size 1G\n",
        ),
        (
            ("sandbox", "edge", "http://a.test", "--upstream", "http://b.test"),
            "choose one",
            "fix     labctl sandbox edge http://a.test\n",
        ),
        (("echo", "a", "b"), "there is no place for the argument", "labctl echo --help"),
        (("echo", "--break", "no-gleu"), "the sandbox knows no fault called 'no-gleu'", "--break no-glue?"),
        (("echo", "--json", "--plain"), "--json and --plain: choose one", "--format json"),
        (("echo", "--live", "--sandbox"), "--live and --sandbox: choose one", "leave one out"),
        (("echo", "--live", "--break", "no-glue"), "only the sandbox can be broken", "leave out --live"),
        (("echo", ""), "there is nothing to say", "labctl echo hello"),
        (("explain", "dns.referal"), "nothing is known about 'dns.referal'", "dns.referral"),
        (("schema", "resutl"), "there is no schema 'resutl'", "labctl schema"),
        (("sandbox", "donw"), "no such command 'donw'", "labctl sandbox --help"),
    ],
)
def test_a_wrong_command_line_is_one_clear_error(
    labctl: Any, words: tuple[str, ...], headline: str, fix: str
) -> None:
    done = labctl(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error[")
    assert headline in done.stderr
    assert fix in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_value_in_the_environment_is_told_as_one(labctl: Any) -> None:
    done = labctl("echo", LABCTL_SEED="x")
    assert done.returncode == 2
    assert "the environment variable LABCTL_SEED" in done.stderr
    assert labctl("echo", LABCTL_INTERNET="moon").returncode == 2
    assert labctl("echo", "--seed", "3", LABCTL_SEED="x").returncode == 0, "the option wins"


def test_a_lab_that_does_not_import_is_one_clear_error_of_that_lab_alone(labctl: Any) -> None:
    done = labctl("broken")
    assert done.returncode == 5
    assert done.stderr.startswith(
        "error[lab-does-not-import]: the lab broken of the package labctl-lab-broken"
    )
    assert "a_package_that_is_not_there" in done.stderr
    assert "Traceback" not in done.stderr
    assert labctl("echo", "--plain").returncode == 0
    doctor = json.loads(labctl("doctor", "--json").stdout)
    assert {lab["name"]: lab["imports"] for lab in doctor["labs"]} == {
        **{entry.name: True for entry in catalog.built_in()},
        "broken": False,
        "echo": True,
    }


def test_every_code_claim_and_fault_can_be_explained(labctl: Any) -> None:
    for kind, word in (
        ("codes", "port-in-use"),
        ("claims", "dns.referral"),
        ("claims", "echo.answered"),
        ("faults", "root-knows-it-all"),
        ("questions", "dns.questions"),
    ):
        assert word in labctl("explain", kind).stdout
        shown = labctl("explain", word)
        assert shown.returncode == 0
        assert word in shown.stdout
    assert "RFC 1034 section 4.3.2" in labctl("explain", "dns.referral").stdout
    assert "--break root-knows-it-all" in labctl("explain", "dns.referral").stdout


def test_explain_alone_says_what_kinds_there_are(labctl: Any) -> None:
    shown = labctl("explain").stdout
    assert len(shown.splitlines()) < 20
    for kind in ("claims", "faults", "codes", "questions"):
        assert f"labctl explain {kind}" in shown


def test_a_question_is_explained_with_its_feedback_and_what_is_right(labctl: Any) -> None:
    shown = labctl("explain", "echo.read").stdout
    for text in ("Who was called?", "the floor", "Look at the first line again.", "right        The wall"):
        assert text.casefold() in shown.casefold()
    assert "what the run measures (echo.times)" in labctl("explain", "echo.times").stdout
    for item in labctl("explain", "questions").stdout.split():
        if item.startswith("dns."):
            done = labctl("explain", item)
            assert (done.returncode, done.stderr) == (0, "")
            assert not set("{}`*") & set(done.stdout)


@pytest.mark.parametrize("name", NAMES)
def test_every_schema_is_a_schema_and_knows_its_name(labctl: Any, name: str) -> None:
    document = json.loads(labctl("schema", name).stdout)
    jsonschema.Draft202012Validator.check_schema(document)
    assert document["$id"] == name
    assert labctl("schema", name.split("/")[1]).stdout == labctl("schema", name).stdout
    assert name in labctl("schema").stdout
