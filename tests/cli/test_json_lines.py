"""The JSON of events: stable keys, one line each, whatever a guest printed."""

import json
from typing import Any

from tests.cli.story import ARM64, Story, char_sign

from mayfly.cli.json_lines import event_line, finished_line, parity_line
from mayfly.domain.events import LogLines, Preparing
from mayfly.parity.compare import compare


def parsed(line: str) -> dict[str, Any]:
    assert "\n" not in line
    document = json.loads(line)
    assert isinstance(document, dict)
    return document


def test_every_event_says_its_type_time_and_place() -> None:
    for event in char_sign():
        document = parsed(event_line(event))
        assert document["at"] == event.at
        assert document["workflow"] == ".github/workflows/ci.yml"
        assert document["leg"] in {"amd64", "arm64"}


def test_keys_are_those_that_programs_rely_on() -> None:
    by_type = {parsed(event_line(event))["type"]: event_line(event) for event in char_sign()}
    assert parsed(by_type["job_changed"]).keys() == {
        *("type", "at", "workflow", "leg", "job", "name", "state", "reason", "architecture")
    }
    assert parsed(by_type["step_finished"]).keys() == {
        *("type", "at", "workflow", "leg", "job", "step"),
        *("outcome", "conclusion", "exit_code", "reason"),
    }
    assert parsed(by_type["run_finished"])["conclusion"] == "failure"
    assert by_type.keys() >= {"run_started", "step_started", "log_lines", "annotated"}


def test_a_job_without_a_leg_has_none() -> None:
    story = Story()
    story.run()
    assert parsed(event_line(story.events[0]))["leg"] is None


def test_what_a_guest_prints_cannot_break_out_of_its_line() -> None:
    job = Story().job(Story().run(ARM64), "x", next(iter(char_sign().record().jobs)).state)
    line = event_line(LogLines(1, job, 0, ("\x1b[2J\r\u2028\x85\ud800\x00", '"}')))
    assert line.isascii()
    assert not any(ord(character) < 0x20 for character in line)
    assert parsed(line)["lines"][1] == '"}'


def test_events_that_concern_no_run_have_no_place() -> None:
    document = parsed(event_line(Preparing(1, "image", "hashing", None)))
    assert document == {
        "type": "preparing", "at": 1, "subject": "image", "stage": "hashing",
        "fraction": None, "done": False,
    }  # fmt: skip


def test_parity_and_the_end_are_lines_too() -> None:
    parity = compare(char_sign().record())
    assert parity is not None
    document = parsed(parity_line(parity, 5.0))
    [difference] = document["differences"]
    assert document["legs"] == ["amd64", "arm64"]
    assert difference["outcomes"] == {"amd64": "success", "arm64": "failure"}
    assert difference["step"] == "Run ./test"
    assert parsed(finished_line(1, 6.0)) == {"type": "finished", "at": 6.0, "exit_code": 1}
