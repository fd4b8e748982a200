"""A lab from the command line: formats, streams, files, exit codes, what goes wrong."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from labctl import catalog
from labctl.cli.schema import text_of

RESULT = json.loads(text_of("result"))
EVENT = json.loads(text_of("event"))


def test_a_lab_runs_and_its_document_keeps_to_the_schema(labctl: Any) -> None:
    done = labctl("echo", "hi", "--times", "2", "--also", "x", "--also", "y", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    jsonschema.validate(document, RESULT)
    assert document["command"] == "labctl echo hi --times 2 --also x --also y"
    assert document["arguments"] == {
        "word": "hi", "times": 2, "how": "softly", "also": ["x", "y"], "wait_for": None, "polite": True,
        "go_wrong": False, "say_no": False, "interrupt": False,
    }  # fmt: skip
    assert document["internet"] == "sandbox"
    assert {c["claim"]: c["outcome"] for c in document["claims"]} == {
        "echo.answered": "HELD",
        "echo.louder": "HELD",
    }
    assert document["questions"] == []


def test_json_lines_are_events_and_then_the_document(labctl: Any) -> None:
    lines = [json.loads(line) for line in labctl("echo", "--jsonl").stdout.splitlines()]
    for line in lines[:-1]:
        jsonschema.validate(line, EVENT)
        assert line["schema"] == "labctl/event/1"
    jsonschema.validate(lines[-1], RESULT)
    assert [e["text"] for e in lines[-1]["events"]] == [e["text"] for e in lines[:-1]]


def test_the_dns_lab_s_document_keeps_to_the_schema(labctl: Any) -> None:
    done = labctl("dns", "www.shop.test", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    jsonschema.validate(document, RESULT)
    assert any(e["kind"] == "verdict" for e in document["events"])


def test_a_pipe_gets_sentences_and_the_explanation_and_is_asked_nothing(labctl: Any) -> None:
    done = labctl("echo", "hello")
    assert done.returncode == 0
    assert done.stderr == ""
    assert "EXPLAIN: what just happened." in done.stdout
    assert "it came back 1 times" in done.stdout
    assert "Twice is louder" not in done.stdout
    assert "343 m" not in done.stdout
    assert "343 m" in labctl("echo", "-v").stdout
    assert "EXPLAIN" not in labctl("echo", "--phase", "observe").stdout
    assert "EXPLAIN" not in labctl("echo", "-q").stdout


def test_formats_can_be_chosen_by_option_and_by_environment(labctl: Any) -> None:
    assert labctl("echo", LABCTL_FORMAT="json").stdout.startswith("{")
    assert labctl("echo", "--plain", LABCTL_FORMAT="json").stdout.startswith("labctl echo.")
    assert labctl("echo", "-f", "jsonl").stdout.startswith('{"schema"')
    assert "\x1b[" in labctl("echo", "-f", "rich", "--color", "always").stdout


def test_a_claim_that_comes_out_false_in_the_sandbox_is_exit_code_1(labctl: Any) -> None:
    done = labctl("echo", "--say-no", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["exit_code"] == 1
    broken = labctl("dns", "--break", "ttl-stands-still", "--plain")
    assert broken.returncode == 1
    assert "REFUTED" in broken.stdout


def test_no_internet_is_said_loudly_and_the_sandbox_takes_its_place(labctl: Any) -> None:
    done = labctl("echo", "both", "--json")
    assert done.returncode == 0
    sentence = (
        "No internet from here: this is the sandbox internet that labctl carries along, not the real both."
    )
    document = json.loads(done.stdout)
    assert document["notices"] == [sentence]
    assert len(json.loads(labctl("echo", "both", "--json", "-v").stdout)["notices"]) == 2, "and why"
    assert document["internet"] == "sandbox"
    assert sentence in done.stderr
    assert sentence in labctl("echo", "both", "--plain").stdout
    assert labctl("echo", "both", "--sandbox", "--json").stderr == ""


def test_live_never_falls_back(labctl: Any) -> None:
    for words in (("echo", "hello", "--live"), ("echo", "live")):
        done = labctl(*words)
        assert done.returncode == 3
        assert done.stderr.startswith("error[no-network]:")
        assert done.stdout == ""
    assert labctl("echo", LABCTL_INTERNET="live").returncode == 3
    assert labctl("echo", "live", LABCTL_INTERNET="sandbox").returncode == 0


def test_without_a_network_a_real_target_is_told_by_its_name_with_commands_that_work(labctl: Any) -> None:
    done = labctl("dns", "google.com", "--type", "MX")
    assert done.stderr.startswith(
        "error[no-network]: google.com is on the real internet, and this machine does not reach it\n"
    )
    assert "  fix     labctl dns www.shop.test\n" in done.stderr
    assert "--live" not in done.stderr
    assert "--sandbox" not in done.stderr
    typed = labctl("dns", "google.com", "--live", "--type", "MX")
    assert "  or      labctl dns google.com --type MX --sandbox\n" in typed.stderr
    by_server = labctl("dns", "www.shop.test", "--server", "8.8.8.8")
    assert "8.8.8.8 is on the real internet" in by_server.stderr
    assert "the real internet was asked for" in labctl("dns", "--live").stderr


def test_a_real_target_in_the_sandbox_is_said_to_be_none_of_it(labctl: Any) -> None:
    sentence = "google.com is not part of the sandbox internet; what is said about it here is not so in the real one."
    assert sentence in labctl("dns", "google.com", "--sandbox", "--plain").stdout
    assert sentence in labctl("dns", "google.com", "--sandbox", "--json").stderr
    assert "is not part of" not in labctl("dns", "www.shop.test", "--sandbox", "--plain").stdout
    assert "is not part of" not in labctl("dns", "example.com", "--sandbox", "--plain").stdout


def test_files_are_written_beside_what_is_shown(labctl: Any, tmp_path: Path) -> None:
    done = labctl("echo", "--save", "run.json", "--junit", "run.xml")
    assert done.returncode == 0
    assert "EXPLAIN" in done.stdout
    jsonschema.validate(json.loads((tmp_path / "run.json").read_text()), RESULT)
    assert ET.parse(tmp_path / "run.xml").getroot().tag == "testsuites"
    assert not list(tmp_path.glob("*.part"))
    assert labctl("echo", "--save", "/dev/stdout", "-q").stdout.rstrip().endswith("}")


@pytest.mark.parametrize("option", ["--save", "--junit"])
def test_a_file_that_cannot_be_written_is_told_after_the_run_was_shown(labctl: Any, option: str) -> None:
    targets = ["no/such/folder/run", "."] + (["/dev/full"] if Path("/dev/full").exists() else [])
    for target in targets:
        done = labctl("echo", option, target)
        assert done.returncode == 3, target
        assert "echo done." in done.stdout
        assert done.stderr.startswith("error[cannot-write]"), done.stderr
        assert "Traceback" not in done.stderr


def test_a_full_disk_under_standard_output_is_a_sentence(environment: dict[str, str], tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    for words in (["echo"], ["echo", "--json"], ["--help"], ["--version"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "labctl", *words],
                stdout=full, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path, check=False,
            )  # fmt: skip
        assert done.returncode == 3, words
        assert done.stderr.startswith("error[output-not-written]"), done.stderr
        assert "Traceback" not in done.stderr
        assert "Exception ignored" not in done.stderr


def test_a_reader_who_has_seen_enough_is_no_failure(environment: dict[str, str], tmp_path: Path) -> None:
    for words in ("echo --times 20000", "echo --times 3000 --jsonl", "--help", "explain"):
        script = f"{sys.executable} -m labctl {words} | head -1; exit ${{PIPESTATUS[0]}}"
        done = subprocess.run(
            ["bash", "-c", script], capture_output=True, text=True, env=environment, cwd=tmp_path, check=False
        )
        assert (done.returncode, done.stderr) == (0, ""), words
        assert len(done.stdout.splitlines()) <= 1


def test_a_mistake_of_ours_is_one_line_and_a_log(labctl: Any, tmp_path: Path) -> None:
    done = labctl("echo", "--go-wrong")
    assert done.returncode == 70
    assert done.stderr.startswith("error[internal]: labctl made a mistake, you did not")
    assert "KeyError: 'wrong' in labctl_lab_echo/__init__.py:" in done.stderr
    assert "Traceback" not in done.stderr
    (log,) = (tmp_path / "labctl" / "state" / "log").iterdir()
    assert str(log) in done.stderr
    assert "Traceback" in log.read_text()
    assert "labctl echo --go-wrong" in log.read_text()
    assert "Traceback" in labctl("echo", "--go-wrong", "--debug").stderr


def test_a_home_that_cannot_be_written_is_said_once_and_nothing_is_lost(labctl: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    home = str(tmp_path / "file" / "below")
    done = labctl("echo", "--answers", "key", LABCTL_HOME=home)
    assert done.returncode == 0
    assert done.stderr.count("Progress is not kept") == 1
    assert "echo done." in done.stdout
    wrong = labctl("echo", "--go-wrong", LABCTL_HOME=home)
    assert wrong.returncode == 70
    assert wrong.stderr.startswith("error[internal]")


def test_ctrl_c_keeps_what_was_seen(labctl: Any) -> None:
    done = labctl("echo", "--times", "3", "--interrupt", "--json", "--save", "run.json")
    assert done.returncode == 130
    document = json.loads(done.stdout)
    assert document["interrupted"] is True
    assert document["exit_code"] == 130
    assert [e["kind"] for e in document["events"]] == ["step", "exchange"]
    assert done.stderr == ""


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1"])
def test_a_console_that_knows_few_characters_never_crashes(
    environment: dict[str, str], tmp_path: Path, encoding: str
) -> None:
    for words in (["echo", "caf\u00e9 \u4e2d"], ["echo", "-f", "rich"], ["--help"], ["explain"], []):
        done = subprocess.run(
            [sys.executable, "-m", "labctl", *words],
            capture_output=True, env={**environment, "PYTHONIOENCODING": encoding}, cwd=tmp_path, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stderr == b""
        assert done.stdout.decode(encoding)


def test_forty_columns_are_enough(labctl: Any) -> None:
    shown = labctl("echo", "--width", "40").stdout
    assert max(map(len, shown.splitlines())) <= 40


def test_prepared_answers_stand_in_for_a_person(labctl: Any, tmp_path: Path) -> None:
    (tmp_path / "answers.toml").write_text(
        '"echo.times" = 2\n"other.item" = "x"\n[echo]\nread = "the wall"\nwhy = "b"\nnumber = 1\n',
        encoding="utf-8",
    )
    done = labctl("echo", "--answers", "answers.toml", "--json")
    assert done.returncode == 0, done.stderr
    questions = {q["item"]: q for q in json.loads(done.stdout)["questions"]}
    assert questions["echo.times"]["given"] == "b"
    assert questions["echo.times"]["outcome"] == "wrong"
    assert questions["echo.times"]["misconception"] == "echoes repeat"
    assert questions["echo.read"]["outcome"] == "right"
    assert questions["echo.why"]["outcome"] == "wrong"
    shown = labctl("echo", "--answers", "answers.toml", "--plain").stdout
    assert "PREDICT" in shown
    assert 'You predicted "twice". It was "once". Twice only when called twice.' in shown
    prepared = labctl("echo", "--answers", "key", "--plain").stdout
    assert "Answer: what the run will show." in prepared, "a prediction"
    assert re.search(r"^Answer: [abc]: the wall\.$", prepared, re.MULTILINE | re.IGNORECASE)
    keyed = json.loads(labctl("echo", "--answers", "key", "--json").stdout)["questions"]
    assert {q["outcome"] for q in keyed} == {"right"}
    assert [q["phase"] for q in keyed] == ["predict", "observe", "recall", "recall"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("echo.times = [", "is not TOML"),
        ('"echo.tmes" = "a"', "no question echo.tmes"),
        ('"echo.times" = "z"', "'z' is no answer to echo.times"),
        ('"echo.why" = "d"', "'d' is no answer to echo.why"),
    ],
)
def test_answers_that_are_none_are_malformed(labctl: Any, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "answers.toml").write_text(text, encoding="utf-8")
    done = labctl("echo", "--answers", "answers.toml")
    assert done.returncode == 5
    assert done.stderr.startswith("error[answers-malformed]")
    assert said in done.stderr
    assert labctl("echo", "--answers", "nowhere.toml").returncode == 3


@pytest.mark.parametrize("seed", ["1", "2", "4"])
def test_a_letter_in_the_answers_is_the_one_on_the_screen_of_this_seed(
    labctl: Any, tmp_path: Path, seed: str
) -> None:
    shown = labctl("echo", "--answers", "key", "--plain", "--seed", seed).stdout
    letter = re.search(r"^([abc]): the wall\.?$", shown, re.MULTILINE)
    assert letter is not None
    (tmp_path / "letters.toml").write_text(f'[echo]\nread = "{letter[1]}"\n', encoding="utf-8")
    done = labctl("echo", "--answers", "letters.toml", "--json", "--seed", seed)
    read = next(q for q in json.loads(done.stdout)["questions"] if q["item"] == "echo.read")
    assert (read["outcome"], read["given_text"], read["key_text"]) == ("right", "the wall", "the wall")
    said = labctl("echo", "--answers", "letters.toml", "--plain", "--seed", seed).stdout
    assert f"Answer: {letter[1]}: the wall." in said


def test_answers_to_no_question_of_the_lab_are_told(labctl: Any, tmp_path: Path) -> None:
    (tmp_path / "answers.toml").write_text('[answers]\n"echo.times" = "a"\n', encoding="utf-8")
    notice = "answers.toml answers no question of the lab echo: all are skipped."
    assert f"Notice: {notice}" in labctl("echo", "--answers", "answers.toml", "--plain").stdout
    done = labctl("echo", "--answers", "answers.toml", "--json")
    assert (done.returncode, done.stderr) == (0, f"labctl: {notice}\n")
    assert json.loads(done.stdout)["notices"] == [notice]


def test_a_prepared_session_asks_what_its_file_answers_each_time(labctl: Any, tmp_path: Path) -> None:
    """The progress that is kept changes which questions a person is asked, and nothing of a prepared session."""
    (tmp_path / "answers.toml").write_text('[echo]\ntimes = "once"\nnumber = 1\n', encoding="utf-8")
    asked = [
        [
            q["item"]
            for q in json.loads(labctl("echo", "--answers", "answers.toml", "--json").stdout)["questions"]
        ]
        for _ in range(3)
    ]
    assert asked[0] == asked[1] == asked[2]
    assert {"echo.times", "echo.number"} <= {*asked[0]}


def test_the_quiz_needs_somebody_who_answers(labctl: Any) -> None:
    done = labctl("echo", "--phase", "quiz")
    assert done.returncode == 2
    assert done.stderr.startswith("error[needs-input]")
    assert labctl("echo", "--phase", "quiz", "--no-input").returncode == 0
    alone = labctl("echo", "--phase", "predict")
    assert (alone.returncode, alone.stdout) == (2, "")
    assert "a prediction needs an answer, and this is not a terminal" in alone.stderr
    assert labctl("echo", "--phase", "predict", "--no-input").returncode == 0
    predicted = labctl("echo", "--phase", "predict", "--answers", "key", "--plain").stdout
    assert "and so it was" in predicted
    assert "hello was heard" not in predicted
    document = json.loads(labctl("echo", "--phase", "explain", "--json").stdout)
    assert document["events"][0]["text"] == "OBSERVE: hello is said.", "the document keeps it all"
    answered = json.loads(labctl("echo", "--phase", "quiz", "--answers", "key", "--json").stdout)["questions"]
    assert {q["item"]: q["outcome"] for q in answered} == {
        "echo.why": "right",
        "echo.twice": "right",  # its claim is not seen in this run: another run shows it
        "echo.number": "right",
    }


def test_progress_is_kept_and_shown_at_home(labctl: Any) -> None:
    labctl("dns", "--answers", "key", "-q")
    shown = labctl().stdout
    assert "3 of 3 quiz answers" in shown
    assert "quiz 3 of 3" in shown


def test_when_every_stop_is_done_home_suggests_a_quiz_and_a_fault(labctl: Any) -> None:
    for entry in catalog.built_in():
        labctl(entry.name, "--answers", "key", "-q")
    shown = labctl().stdout
    assert "you are here" not in shown
    assert "next      labctl dns --phase quiz\n" in shown
    assert "and try   labctl dns --break " in shown


def test_a_form_that_does_not_fit_is_said_to_be_replaced(labctl: Any) -> None:
    done = labctl("echo", "-f", "rich", "--width", "60")
    assert done.stderr == "labctl: --format rich: 60 columns is under 72: sentences, not diagrams\n"
    assert labctl("echo", "-f", "rich", "--width", "80").stderr == ""
    assert not labctl("echo", "-q").stdout.startswith("\n")


def test_the_sandbox_stands_until_it_is_told_to_end(environment: dict[str, str], tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "labctl", "sandbox", "up", "--port", "0", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            document = json.loads(process.stdout.readline())
            jsonschema.validate(document, json.loads(text_of("sandbox")))
            assert document["port"] > 0
            os.kill(process.pid, signal.SIGINT)
            assert process.wait(timeout=20) == 0
            assert process.stderr.read() == ""
        finally:
            process.kill()


def test_the_sandbox_says_where_its_servers_stand_and_writes_its_anchor(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "labctl", "sandbox", "up", "--port", "0", "--anchor", "anchor.conf"],
        stdout=subprocess.PIPE, text=True, env=environment, cwd=tmp_path,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            shown = ""
            while "unbound_config" not in shown:
                shown += process.stdout.readline()
            anchor = (tmp_path / "anchor.conf").read_text()
            os.kill(process.pid, signal.SIGINT)
            assert process.stdout.read() == "\n  Stopped.\n"
            assert process.wait(timeout=20) == 0
        finally:
            process.kill()
    assert anchor.startswith("trust-anchors { . static-ds ")
    assert re.search(r"^\. DS \d+ 13 2 [0-9A-F]{64}$", shown, re.MULTILINE), "one line, to be copied"
    assert "-a anchor.conf" in shown
    assert re.search(r"127\.53\.0\.1 to \.13  +13 root servers  +\., root-servers\.net\.", shown)
    for zone in ("test.", "shop.test."):
        assert re.search(rf"  2 \w+ servers  +{re.escape(zone)}\n", shown)
    count = int(re.search(r"(\d+) servers stand", shown)[1])  # type: ignore[index]
    table = shown.partition("zones\n")[2].partition("\n\n")[0]
    several = [int(n) for n in re.findall(r"  (\d+) [a-zA-Z]+ servers  ", table)]
    alone = re.findall(r"^    127[.\d]+  +[a-z]", table, re.MULTILINE)
    assert sum(several) + len(alone) == count
