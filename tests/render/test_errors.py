"""Errors as SCREENS.md shows them."""

from __future__ import annotations

import io

from conftest import plan_of

from labctl.errors import CannotRun, LabctlError, UsageError
from labctl.render.errors import print_error, print_warning

PORT = CannotRun(
    "port-in-use",
    "port 5000 is already taken",
    evidence=(
        ("tried", "bind 127.0.0.1:5000"),
        ("got", "OSError: [Errno 98] Address already in use"),
        ("held by", "flask run, pid 4312, yours, started 14 min ago"),
        ("and", "one line too many"),
    ),
    fixes=("kill 4312   or any free port: labctl flask --port 0",),
)


def printed(error: LabctlError, **flags: object) -> str:
    out = io.StringIO()
    print_error(error, plan_of(80, **flags), out)  # type: ignore[arg-type]
    return out.getvalue()


def test_headline_evidence_fix_and_why() -> None:
    assert printed(PORT) == (
        "error[port-in-use]: port 5000 is already taken\n"
        "  │ tried     bind 127.0.0.1:5000\n"
        "  │ got       OSError: [Errno 98] Address already in use\n"
        "  │ held by   flask run, pid 4312, yours, started 14 min ago\n"
        "  fix     kill 4312   or any free port: labctl flask --port 0\n"
        "  why     labctl explain port-in-use\n"
    )


def test_usage_explains_itself() -> None:
    error = UsageError("usage", "there is no command 'worker'", fixes=("did you mean labctl workers?",))
    assert printed(error).splitlines()[1:] == ["  fix     did you mean labctl workers?"]


def test_every_further_fix_has_a_line() -> None:
    error = UsageError(
        "name-is-url", "that is a URL", fixes=("labctl dns example.com", "labctl url https://example.com/")
    )
    assert "  or      labctl url https://example.com/" in printed(error).splitlines()


def test_an_error_is_plain_ascii_where_it_must_be() -> None:
    assert printed(PORT, ascii=True).isascii()


def test_text_of_peers_in_an_error_is_escaped() -> None:
    page = printed(CannotRun("x", "got \x1b[2J", evidence=(("said", "a\nb\u202e"),), fixes=("`a\rb`",)))
    assert "\x1b" not in page
    assert r"a\x0ab\u202e" in page


def test_commands_are_coloured_and_words_are_not() -> None:
    page = printed(PORT, color="always", theme="16")
    assert "\x1b[36mkill 4312   or any free port: labctl flask --port 0" in page
    page = printed(
        UsageError("usage", "x", fixes=("did you mean labctl workers?",)), color="always", theme="16"
    )
    assert "did you mean \x1b[36mlabctl workers\x1b[0m?" in page


def test_a_warning_is_one_line() -> None:
    out = io.StringIO()
    print_warning("deprecated", "--workers-class is now --worker-class; gone in 2.0", plan_of(80), out)
    assert out.getvalue() == "warning[deprecated]: --workers-class is now --worker-class; gone in 2.0\n"


LONG = CannotRun("x", "no", evidence=(("there are", ", ".join(f"demonstration-{n}" for n in range(9))),))


def test_long_evidence_goes_on_under_itself_on_a_terminal() -> None:
    for width in (60, 80):
        out = io.StringIO()
        print_error(LONG, plan_of(width), out)
        evidence = [line for line in out.getvalue().splitlines() if line.startswith("  │")]
        assert len(evidence) > 1
        assert max(map(len, evidence)) <= width
        assert evidence[0].startswith("  │ there are  demonstration-0, ")
        assert all(line.startswith("  │            demonstration-") for line in evidence[1:])
        assert " ".join(line[15:].strip() for line in evidence) == LONG.evidence[0][1]


def test_evidence_in_a_file_stands_on_one_line() -> None:
    out = io.StringIO()
    print_error(LONG, plan_of(80)._replace(err_width=None), out)
    assert f"  │ there are  {LONG.evidence[0][1]}" in out.getvalue().splitlines()


def test_a_word_of_evidence_that_is_longer_than_the_line_is_not_broken() -> None:
    url = "https://example.com/" + "a" * 90
    assert f"  │ got       {url}\n" in printed(CannotRun("x", "no", evidence=(("got", url),)))


NAMES = UsageError(
    "x", "there is no such name", evidence=(("there are", ", ".join(f"name-{n}" for n in range(40))),)
)


def test_many_names_stand_in_columns_on_a_terminal_and_in_a_pipe() -> None:
    for width, most in ((100, 100), (50, 50), (None, 80)):
        out = io.StringIO()
        print_error(NAMES, plan_of(80)._replace(err_width=width), out)
        lines = [line for line in out.getvalue().splitlines() if "name-" in line]
        assert 1 < len(lines) < 40
        assert max(map(len, lines)) < most
        assert next(map(str.split, lines))[-1] != "name-0", "more than one column"
        assert {f"name-{n}" for n in range(40)} <= {*out.getvalue().split()}


def test_a_sentence_with_many_commas_is_no_list_of_names() -> None:
    text = ", ".join(f"a clause {n}" for n in range(12))
    out = io.StringIO()
    print_error(UsageError("x", "y", evidence=(("got", text),)), plan_of(80)._replace(err_width=None), out)
    assert text in out.getvalue()
