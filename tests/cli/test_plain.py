"""The plain log: every line behind its job, nothing a guest can abuse."""

from tests.cli.story import FAILURE, SUCCESS, Story, char_sign

from mayfly.cli.plain import PlainView
from mayfly.domain.events import Event, Preparing
from mayfly.domain.job import JobState
from mayfly.domain.record import Record


def plain(story: Story, *more: Event, colour: bool = False) -> list[str]:
    written: list[str] = []
    record = Record()
    runs = list(story.record().runs)
    view = PlainView(written.append, record, runs, colour=colour)
    for event in (*story, *more):
        record.apply(event)
        view.observe(event)
    text = "".join(written)
    assert text.endswith("\n")
    return text.split("\n")[:-1]


def of(lines: list[str], label: str) -> list[str]:
    """What stands behind a label."""
    split = (line.split(" │ ", 1) for line in lines)
    return [text for name, text in split if name.strip() == label]


def test_each_line_stands_behind_the_name_of_its_job_and_leg() -> None:
    lines = of(plain(char_sign()), "test (arm64)")
    assert lines[0] == "◌ starting on arm64"
    assert "▸ Run ./test" in lines
    assert "  not ok 2 compares" in lines
    assert "✗ Run ./test (2.0s): exit code 1" in lines
    assert lines[-1].startswith("✗ failed in")


def test_one_leg_needs_no_mention() -> None:
    story = Story()
    story.change(story.job(story.run(), "build", JobState.RUNNING), JobState.SUCCEEDED)
    assert of(plain(story), "build") == ["✓ succeeded in 1.0s"]


def test_workflows_are_told_apart_when_there_are_several() -> None:
    story = Story()
    for workflow in ("a.yml", "b.yml"):
        story.change(story.job(story.run(None, workflow), "j", JobState.RUNNING), JobState.FAILED)
    assert of(plain(story), "a.yml: j")
    assert of(plain(story), "b.yml: j")


def test_groups_indent_and_marks_become_words() -> None:
    story = Story()
    job = story.job(story.run(), "j", JobState.RUNNING)
    lines = ["##[group]Set up", "inside", "##[endgroup]", "##[error]bad", "##[debug]detail", "out"]
    story.step(job, 0, "s", lines)
    assert of(plain(story), "j")[1:-1] == [
        "  ▾ Set up", "    inside", "  Error: bad", "  detail", "  out",
    ]  # fmt: skip


def test_a_failure_that_may_be_says_so() -> None:
    story = Story()
    job = story.job(story.run(), "j", JobState.RUNNING)
    story.step(job, 0, "s", [], FAILURE, conclusion=SUCCESS)
    assert of(plain(story), "j")[-1] == "✗ s (1.0s): exit code 1, which may be"


def test_reasons_of_jobs_that_do_not_run_are_told() -> None:
    story = Story()
    story.job(story.run(), "deploy", JobState.SKIPPED, "its if is false")
    assert of(plain(story), "deploy") == ["- skipped: its if is false"]


def test_a_reason_of_several_lines_keeps_them() -> None:
    story = Story()
    story.job(story.run(), "build", JobState.LOST, "no space\nfree some\x1b[2J")
    assert of(plain(story), "build") == ["! lost: no space", "  free some"]


def test_preparing_is_told_once_a_stage() -> None:
    story = Story()
    story.run()
    steps = [Preparing(1, "image", "packing", n / 10) for n in range(10)]
    done = Preparing(2, "image", "ready", 1.0, done=True)
    assert of(plain(story, *steps, done), "mayfly")[1:] == ["image: packing", "image: ready"]


def test_what_was_not_made_is_not_told_to_be_ready() -> None:
    story = Story()
    story.run()
    news = [Preparing(1, "image", "packing", 0.5), Preparing(2, "image", "given up", 0.5, True)]
    assert of(plain(story, *news), "mayfly")[1:] == ["image: packing", "image: given up"]


def test_colours_of_guests_only_where_colours_are_wanted() -> None:
    story = Story()
    job = story.job(story.run(), "j", JobState.RUNNING)
    story.step(job, 0, "s\x1b]0;x\x07", ["\x1b[31mred", "\x1b[2J\x07"])
    plainly = "\n".join(plain(story))
    assert "\x1b" not in plainly
    assert "\x07" not in plainly
    coloured = "\n".join(plain(story, colour=True))
    assert "\x1b[31mred\x1b[0m" in coloured
    assert "\x1b[2J" not in coloured
    assert "\x1b]" not in coloured
