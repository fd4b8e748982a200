"""`labctl port` as a person and a program meet it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from labctl.cli import port_screen
from labctl.cli.port_argument import port_of
from labctl.cli.port_sentences import NOT_TOLD
from labctl.cli.schema import text_of
from labctl.errors import UsageError
from labctl.ports.rule import SITUATIONS

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port: int = sock.getsockname()[1]
        yield port


@linux
def test_a_taken_port_names_its_holder_and_two_ways_out(labctl: Any, taken: int) -> None:
    done = labctl("port", str(taken))
    assert done.returncode == 0
    assert f"A server is listening on 127.0.0.1:{taken}" in done.stdout
    assert f"kill {os.getpid()}" in done.stdout
    assert "another port:" in done.stdout
    assert "98 EADDRINUSE" in done.stdout
    assert f"ss -tlnp 'sport = :{taken}'" in done.stdout


@linux
@pytest.mark.parametrize("words", [("--matrix",), (), ("PORT",)])
def test_every_document_keeps_to_its_schema(labctl: Any, taken: int, words: tuple[str, ...]) -> None:
    given = [str(taken) if word == "PORT" else word for word in words]
    done = labctl("port", *given, "--json")
    assert done.returncode == 0
    document = json.loads(done.stdout)
    jsonschema.validate(document, json.loads(text_of("port")))
    assert document["port"] == (taken if "PORT" in words else None)
    assert ("bind" in document) == ("PORT" in words)
    assert ("matrix" in document) == ("PORT" not in words)
    assert ("listeners" in document) == (words == ())


@linux
@pytest.mark.parametrize("width", [72, 80, 117, 60, 40])
def test_no_line_is_wider_than_the_screen(labctl: Any, taken: int, width: int) -> None:
    for words in (("--matrix",), (str(taken),), ()):
        shown = labctl("port", *words, "--width", str(width), LABCTL_FORMAT="rich").stdout
        # Commands are not cut: they must survive being copied.
        lines = [line for line in shown.splitlines() if "ss -t" not in line and "lsof" not in line]
        assert max(map(len, lines)) < max(width, 72)


@linux
def test_the_matrix_shows_every_situation_and_the_rule(labctl: Any) -> None:
    shown = labctl("port", "--matrix", LABCTL_FORMAT="rich", LABCTL_WIDTH="80").stdout
    for situation in SITUATIONS:
        assert situation.title in shown
    assert "90 of 90 as the rule says" in shown
    assert "There are two exceptions" in " ".join(shown.split())
    assert "✓" in shown


@linux
def test_ascii_has_no_other_character(labctl: Any, taken: int) -> None:
    for words in (("--matrix",), (str(taken),)):
        shown = labctl("port", *words, "--ascii", LABCTL_FORMAT="rich").stdout
        assert shown.isascii()
        assert "x" in shown


@linux
def test_a_pipe_gets_one_fact_a_line_without_glyphs(labctl: Any) -> None:
    shown = labctl("port", "--matrix").stdout
    assert shown.isascii()
    assert (
        "a listener is alive; the old socket set SO_REUSEADDR, the new one SO_REUSEADDR: bind() fails"
        in shown
    )


@pytest.mark.parametrize(
    ("word", "fix"),
    [
        ("0", "1 to 65535"),
        ("65536", "labctl port 6553?"),
        ("x", "a name such as http"),
        ("htpp", "labctl port http?"),
        ("localhost:5000", "labctl port 5000?"),
        ("http://localhost:8080/", "labctl port 8080?"),
        ("https://shop.test/", "labctl port https?"),
        ("5000/tcp", "labctl port 5000?"),
        ("127.0.0.1", "a name such as http"),
        ("٣", "labctl port 3?"),
        ("", "a name such as http"),
    ],
)
def test_a_word_that_is_no_port_gets_the_nearest_that_is(word: str, fix: str) -> None:
    with pytest.raises(UsageError) as raised:
        port_of(word)
    assert fix in " ".join(raised.value.fixes)


def test_the_name_of_a_service_is_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getservbyname", lambda name, transport: {"http": 80}[name])
    assert port_of("HTTP") == 80
    assert port_of("65535") == 65535


def test_a_wrong_port_is_exit_code_2(labctl: Any) -> None:
    done = labctl("port", "65536")
    assert done.returncode == 2
    assert "did you mean" in done.stderr
    for contradiction in (("5000", "--matrix"), ("--json", "--plain")):
        assert labctl("port", *contradiction).returncode == 2


@linux
def test_a_process_s_name_is_data_and_cannot_paint_the_screen(labctl: Any) -> None:
    script = (
        "import socket, sys; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen();"
        "print(s.getsockname()[1], flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        ["\x1b[31mred\x07", "-c", script],
        executable=sys.executable,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        port = child.stdout.readline().strip()
        for form in ("rich", "plain"):
            shown = labctl("port", port, LABCTL_FORMAT=form).stdout
            assert "\x1b" not in shown
            assert "\x07" not in shown
            assert "\\x1b[31mred" in shown
        child.communicate("")


def test_where_the_system_does_not_tell_the_screen_says_what_to_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], taken: int
) -> None:
    from labctl import ports
    from labctl.cli.port_document import document

    monkeypatch.setattr(sys, "platform", "darwin")
    found = ports.look(taken)
    port_screen.show(found, None, None)
    shown = capsys.readouterr().out
    assert NOT_TOLD in shown
    assert f"lsof -nP -i :{taken}" in shown
    assert document(found, None, None)["sockets_readable"] is False
    monkeypatch.setattr(sys, "platform", "win32")
    port_screen.show(None, (), None)
    assert "netstat -ano" in capsys.readouterr().out
