"""The log of attempts: whole lines, whatever happens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from labctl.directories import directory
from labctl.progress import Progress, Standing


def answer(progress: Progress, item: str, outcome: str, phase: str = "recall", lab: str = "dns") -> None:
    progress.add("answer", lab=lab, item=item, phase=phase, outcome=outcome)


def test_standings_count_what_was_asked_by_the_latest_answer(tmp_path: Path) -> None:
    progress = Progress(tmp_path)
    assert progress.standings() == {}
    answer(progress, "dns.a", "wrong")
    answer(progress, "dns.a", "right")
    answer(progress, "dns.b", "wrong")
    answer(progress, "dns.c", "skipped")
    answer(progress, "dns.v", "void")
    answer(progress, "dns.o", "right", phase="observe")
    answer(progress, "dns.p", "right", phase="predict")
    assert progress.standings() == {"dns": Standing(done=False, asked=4, right=2)}
    progress.add("lesson", lab="dns")
    assert progress.standings() == {"dns": Standing(done=True, asked=4, right=2)}
    assert progress.times_asked() == {"dns.a": 2, "dns.b": 1, "dns.c": 1, "dns.v": 1, "dns.o": 1, "dns.p": 1}


def test_a_line_that_a_crash_tore_is_ignored_and_the_next_is_whole(tmp_path: Path) -> None:
    progress = Progress(tmp_path)
    answer(progress, "dns.a", "right")
    whole = progress.path.read_bytes()
    for cut in range(1, len(whole)):
        progress.path.write_bytes(whole + whole[:cut])
        answer(progress, "dns.b", "right")
        assert progress.times_asked().get("dns.b") == 1, cut
    progress.path.write_bytes(b"\xff\xfe nonsense\n[]\n3\n" + whole)
    assert progress.times_asked() == {"dns.a": 1}


def test_processes_side_by_side_lose_nothing(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from labctl.progress import Progress;"
        "p = Progress(Path(sys.argv[1]));"
        "[p.add('answer', lab='dns', item=f'dns.{sys.argv[2]}.{n}', text='x' * 500) for n in range(40)]"
    )
    running = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path), str(n)]) for n in range(4)]
    assert [process.wait(timeout=60) for process in running] == [0] * 4
    counts = Progress(tmp_path).times_asked()
    assert len(counts) == 160
    assert set(counts.values()) == {1}


def test_a_folder_that_cannot_be_written_is_a_complaint_and_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    progress = Progress(tmp_path / "file" / "below")
    answer(progress, "dns.a", "right")
    assert progress.complaint.startswith("Progress is not kept")
    assert progress.standings() == {}


@pytest.mark.parametrize("kind", ["data", "state", "cache"])
def test_one_variable_moves_all_folders(kind: str, tmp_path: Path) -> None:
    assert directory(kind, {"LABCTL_HOME": str(tmp_path)}) == tmp_path / kind  # type: ignore[arg-type]
    assert "labctl" in str(directory(kind, {}))  # type: ignore[arg-type]
