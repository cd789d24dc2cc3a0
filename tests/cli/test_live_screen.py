"""The live picture: it fits the terminal, and shows what matters first."""

import pytest
from rich.cells import cell_len
from tests.cli.story import AMD64, ARM64, Story, char_sign

from mayfly.cli.live_screen import Moment, screen
from mayfly.domain.events import Preparing
from mayfly.domain.job import JobState
from mayfly.domain.record import Record


def drawn(record: Record, width: int = 100, height: int = 30, now: float = 2000.0) -> list[str]:
    lines = screen(record, Moment(now, width, height, notice="Ctrl-C cancels"))
    texts = [line.plain for line in lines]
    assert len(texts) <= height
    assert all(cell_len(text) <= width for text in texts)
    return texts


def line_of(lines: list[str], job: str) -> str:
    return next(line for line in lines if f"─ {job}" in line)


def test_legs_stand_side_by_side_under_their_names() -> None:
    lines = drawn(char_sign().record())
    header = next(line for line in lines if line.startswith("ci.yml"))
    test = line_of(lines, "test")
    assert test[header.index("amd64")] == "✓"
    assert test[header.index("arm64")] == "✗"
    assert "failed in Run ./test" in test


def test_a_running_job_shows_its_step_time_and_last_line() -> None:
    story = Story()
    job = story.job(story.run(), "build", JobState.RUNNING)
    story.step(job, 0, "Run make", ["\x1b[32mcc -c a.c", "##[endgroup]", "  "], None)
    lines = drawn(story.record(), now=story.now + 60)
    assert "1m" in line_of(lines, "build")
    assert "Run make" in line_of(lines, "build")
    assert any(line.strip() == "│" or line.strip().endswith("cc -c a.c") for line in lines)
    assert "\x1b" not in "".join(lines)


def test_a_waiting_job_says_what_for() -> None:
    story = Story()
    story.job(story.run(), "test", JobState.BLOCKED, "waits for build")
    assert "waits for build" in line_of(drawn(story.record()), "test")


def test_what_is_being_prepared_has_a_bar() -> None:
    record = char_sign().record()
    record.apply(Preparing(1, "image default arm64", "configuring", 0.5))
    [line] = [line for line in drawn(record) if "image default arm64" in line]
    assert "configuring" in line
    assert "50%" in line
    assert line.count("━") == line.count("─")


def test_the_last_line_counts_the_jobs() -> None:
    last = drawn(char_sign().record())[-1]
    assert "4 jobs: 3 succeeded, 1 failed" in last
    assert "Ctrl-C cancels" in last


def many(active: int, failed: int, done: int, waiting: int) -> Story:
    story = Story()
    run = story.run()
    states = [JobState.SUCCEEDED] * done + [JobState.BLOCKED] * waiting
    states += [JobState.FAILED] * failed + [JobState.RUNNING] * active
    for number, state in enumerate(states):
        job = story.job(run, f"{state.value}-{number}", JobState.QUEUED)
        if state is not JobState.BLOCKED:
            story.change(job, JobState.RUNNING)
            story.change(job, state)
    return story


@pytest.mark.parametrize("height", [2, 3, 5, 10, 24])
def test_of_many_jobs_those_that_run_and_failed_stay(height: int) -> None:
    lines = drawn(many(3, 2, 100, 50).record(), height=height)
    shown = [line for line in lines if "─ " in line]
    important = [line for line in shown if "running-" in line or "failed-" in line]
    assert len(important) == min(5, len(shown))
    assert "155 jobs" in lines[-1]


def test_what_does_not_fit_is_counted() -> None:
    lines = drawn(many(3, 2, 100, 50).record(), height=10)
    [hidden] = [line for line in lines if "… and" in line]
    assert "50 waiting" in hidden
    assert "succeeded" in hidden
    assert "running" not in hidden


def test_the_job_that_ended_last_stays_longest() -> None:
    lines = drawn(many(0, 0, 100, 0).record(), height=6)
    assert "succeeded-99" in "".join(lines)
    assert "succeeded-0 " not in "".join(lines)


def test_second_lines_are_given_up_before_jobs() -> None:
    story = Story()
    run = story.run()
    for number in range(6):
        job = story.job(run, f"job-{number}", JobState.RUNNING)
        story.step(job, 0, "s", [f"said {number}"], None)
    roomy, tight = drawn(story.record(), height=20), drawn(story.record(), height=8)
    assert sum("said" in line for line in roomy) == 6
    assert sum("─ job-" in line for line in tight) == 6
    assert not any("said" in line for line in tight)


def test_long_and_wide_names_are_cut_to_the_terminal() -> None:
    story = Story()
    for leg in (AMD64, ARM64):
        job = story.job(story.run(leg), "日本語" * 40, JobState.RUNNING)
        story.step(job, 0, "x" * 500, ["y" * 500], None)
    for width in (20, 40, 80):
        drawn(story.record(), width=width)


def test_names_that_hold_control_characters_do_not_reach_the_terminal() -> None:
    story = Story()
    job = story.job(story.run(), "a\x1b[2Jb\nc", JobState.RUNNING)
    story.step(job, 0, "s\x07\x9b2J", ["\x1b]0;x\x07"], None)
    text = "".join(drawn(story.record()))
    assert not any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in text)


def test_nothing_yet_is_a_picture_too() -> None:
    assert drawn(Record()) == ["0.0s · Ctrl-C cancels"]
