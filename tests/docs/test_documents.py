"""The documents say what is so: examples run, options and codes that they name exist."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Any

import pytest

from labctl import errors
from labctl.internet import Endpoint
from labctl.sandbox import open_sandbox

ROOT = Path(__file__).resolve().parents[2]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_walker_example_walks_with_a_transport_of_ones_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", text("docs/walker.md"), re.DOTALL)
    real = socket.socket
    with open_sandbox(latency=False) as town:

        class ToTheTown:
            def __init__(self, *_: object) -> None: ...
            def __enter__(self) -> ToTheTown:
                return self

            def __exit__(self, *_: object) -> None: ...
            def settimeout(self, seconds: float) -> None:
                assert seconds > 0

            def connect(self, address: tuple[str, int]) -> None:
                self.server = Endpoint(*address)

            def send(self, wire: bytes) -> None:
                self.wire = wire

            def recv(self, _: int) -> bytes:
                monkeypatch.setattr(socket, "socket", real)
                reply = town.ask(self.server, self.wire)
                monkeypatch.setattr(socket, "socket", ToTheTown)
                assert reply.wire is not None
                return reply.wire

        monkeypatch.setattr(socket, "socket", ToTheTown)
        names: dict[str, Any] = {}
        exec(example, names)  # the example of our own document
    assert names["walk"].result.status == "answer"
    assert "www.example.com" in capsys.readouterr().out


def test_the_readme_lists_every_exit_code() -> None:
    listed = {int(n) for n in re.findall(r"^\| (\d+) \|", text("README.md"), re.MULTILINE)}
    ours = {v for k, v in vars(errors).items() if k.isupper() and isinstance(v, int)}
    assert listed == ours


def test_the_readme_and_the_help_name_the_same_variables_all_of_them() -> None:
    from labctl.cli import options

    there_are = {option.envvar for _, _, option, _ in options._COMMON + options._OF_PACKETS if option.envvar}
    paragraph = text("README.md").partition("`LABCTL_HOME` moves")[2].partition("\n\n")[0]
    assert set(re.findall(r"LABCTL_[A-Z_]+", paragraph)) == there_are | {"LABCTL_INTERNET"}


def test_the_answers_of_the_example_are_answers_to_questions_that_there_are(tmp_path: Path) -> None:
    from labctl import catalog, quiz
    from labctl.cli import answers

    (example,) = re.findall(r"```toml\n(.*?)```", text("docs/formats.md"), re.DOTALL)
    (tmp_path / "answers.toml").write_text(example, encoding="utf-8")
    for name in ("flask", "workers", "proxy"):
        items = quiz.read(catalog.load(name).words("quiz.toml"))
        read = answers.read(str(tmp_path / "answers.toml"), items, name, 1)
        assert read
        assert set(read) <= {item.id for item in items}


def test_the_readme_starts_with_the_two_commands() -> None:
    one, two = re.findall(r"^python3 .*$", text("README.md"), re.MULTILINE)
    assert one.endswith("labctl dns example.com")
    assert "pytest" in two
    assert text("README.md").index(two) < 1500


@pytest.mark.parametrize(
    "name", ["README.md", "CONTRIBUTING.md", "docs/formats.md", "docs/walker.md", "docs/python.md"]
)
def test_links_between_the_documents_lead_somewhere(name: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text(name)):
        assert (ROOT / name).parent.joinpath(target).exists(), target
