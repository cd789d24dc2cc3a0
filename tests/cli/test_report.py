"""What stays on the screen: failures with their lines, annotations, a table, parity."""

import io

from rich.console import Console
from tests.cli.story import AMD64, ARM64, FAILURE, Story, char_sign

from mayfly.cli.parity_view import print_parity
from mayfly.cli.report import print_report
from mayfly.domain.events import MachineKept, Summarised
from mayfly.domain.job import JobState
from mayfly.parity.compare import compare


def reported(story: Story, width: int = 100, *, colour: bool = False) -> str:
    """What is printed, at most `width` columns wide."""
    stream = io.StringIO()
    console = Console(
        file=stream, width=width, force_terminal=colour, color_system="standard" if colour else None
    )
    record = story.record()
    print_report(console, record)
    parity = compare(record)
    if parity is not None:
        print_parity(console, parity)
    return stream.getvalue()


def line_with(text: str, *wanted: str) -> str:
    return next(line for line in text.splitlines() if all(word in line for word in wanted))


def test_a_failed_job_shows_its_step_the_last_lines_and_annotations() -> None:
    text = reported(char_sign())
    assert "test (arm64) failed" in text
    assert "✗ Run ./test: exit code 1" in text
    assert "  │ not ok 2 compares" in text
    assert "test.c:12: error: expected -1, got 255" in text


def test_jobs_that_succeeded_print_no_log() -> None:
    assert "cc -O2" not in reported(char_sign())


def test_the_table_holds_each_job_on_each_leg() -> None:
    row = line_with(reported(char_sign()), "test", "succeeded", "failed")
    assert row.index("succeeded") < row.index("failed")


def test_the_parity_table_names_step_and_lines() -> None:
    text = reported(char_sign())
    row = line_with(text, "Run ./test", "success", "failure")
    assert "not ok 2 compares" in row
    assert "expected -1, got 255" in text
    assert "1 difference in 2 jobs" in text


def test_at_80_columns_everything_is_still_there() -> None:
    text = reported(char_sign(), width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert "not ok 2 compares" in text.partition("Parity")[2]


def test_no_difference_is_said() -> None:
    story = Story()
    for leg in (AMD64, ARM64):
        story.change(story.job(story.run(leg), "build", JobState.RUNNING), JobState.SUCCEEDED)
    assert "Parity amd64 / arm64: no difference in 1 job." in reported(story)


def test_nothing_compared_is_not_called_parity() -> None:
    story = Story()
    for leg in (AMD64, ARM64):
        story.job(story.run(leg), "build", JobState.SKIPPED)
    assert "no job ran on both" in reported(story)


def test_a_single_leg_shows_the_machine_instead() -> None:
    story = Story()
    job = story.job(story.run(), "build", JobState.STARTING)
    story.change(job, JobState.RUNNING)
    story.measure(job, start=0.52)
    story.change(job, JobState.SUCCEEDED)
    row = line_with(reported(story), "build")
    assert "amd64 tcg · start 0.52s · CPU 3.5s · 120 MiB" in row


def test_reasons_stand_with_jobs_that_never_ran() -> None:
    story = Story()
    run = story.run()
    story.job(run, "win", JobState.SKIPPED, "Windows is not run here")
    story.job(run, "odd", JobState.REJECTED, "unknown label 'foo'")
    text = reported(story)
    assert "Windows is not run here" in text
    assert "odd rejected" in text
    assert "unknown label 'foo'" in text
    assert "2 jobs: 1 skipped, 1 rejected" in text


def test_summaries_are_rendered_and_kept_machines_named() -> None:
    story = Story()
    job = story.job(story.run(), "build", JobState.RUNNING)
    story.events.append(Summarised(story.at(), job, 0, "# Coverage\n\n* 97 %\n"))
    story.events.append(MachineKept(story.at(), job, "mayfly-1a2b"))
    text = reported(story)
    assert "Summary of build" in text
    assert "• 97 %" in text
    assert "mayfly shell mayfly-1a2b" in text


def test_only_so_many_rows_are_shown_and_bad_ones_first() -> None:
    story = Story()
    run = story.run()
    for number in range(200):
        state = JobState.FAILED if number == 150 else JobState.SUCCEEDED
        story.change(story.job(run, f"job-{number}", JobState.RUNNING), state)
    text = reported(story)
    assert line_with(text, "job-150", "✗")
    assert "and 140 more jobs" in text
    assert "200 jobs: 199 succeeded, 1 failed" in text


def test_colours_of_the_guest_are_kept_only_on_a_terminal() -> None:
    story = Story()
    job = story.job(story.run(), "build", JobState.RUNNING)
    story.step(
        job, 0, "make", ["\x1b[35mpurple\x1b[0m \x1b[2Jx", "[bold]not markup[/bold]"], FAILURE
    )
    story.change(job, JobState.FAILED)
    plainly, coloured = reported(story), reported(story, colour=True)
    assert "\x1b" not in plainly
    assert "purple" in plainly
    assert "[bold]not markup[/bold]" in plainly
    assert "\x1b[35mpurple" in coloured
    assert "\x1b[2J" not in coloured
