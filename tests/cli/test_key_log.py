"""What becomes of SSLKEYLOGFILE."""

from __future__ import annotations

from pathlib import Path

import pytest

from labctl.cli import key_log, run


def test_a_key_log_that_cannot_be_written_is_said_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LABCTL_HOME", str(tmp_path))
    monkeypatch.setenv(key_log.VARIABLE, str(tmp_path / "nowhere" / "keys.txt"))
    assert run(["url", "--plain", "--phase", "observe"]) == 0
    said = capsys.readouterr().err
    assert "SSLKEYLOGFILE" in said
    assert "No such file or directory. No keys are logged." in said


def test_a_key_log_that_can_be_written_gets_the_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCTL_HOME", str(tmp_path))
    monkeypatch.setenv(key_log.VARIABLE, str(tmp_path / "keys.txt"))
    assert run(["url", "--plain", "--phase", "observe"]) == 0
    assert "CLIENT_HANDSHAKE_TRAFFIC_SECRET" in (tmp_path / "keys.txt").read_text()
