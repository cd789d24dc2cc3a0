"""What the live view shows at one moment, as lines that fit the terminal. Pure.

    ⠹ image default arm64 · configuring  ━━━━━━━━────  62%
    ci.yml  ci                amd64                      arm64
    ├─ build                  ✓ 12s                      ⠹ 41s  Run make
    │                                                      cc -O2 -c sign.c
    └─ test                   ⠹ 3.1s  Run ./test         · waits for build
    4 jobs: 2 running, 1 waiting, 1 succeeded · 42s · Ctrl-C cancels

When there are more jobs than lines, those that run and those that failed stay, and the rest is
counted in one line.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from mayfly.cli.guest_text import shown
from mayfly.cli.live_rows import ACTIVE, WAITING, Leg, Row, choose, rows
from mayfly.cli.log_text import LogReader
from mayfly.cli.words import STATE_MARKS, duration, plural, state_words, workflow_name
from mayfly.domain.events import Preparing
from mayfly.domain.job import JobState
from mayfly.domain.record import JobRecord, Record

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_BAR = 24
_PREPARING_LINES = 6
_NARROWEST_NAME = 12
_NARROWEST_CELL = 8


@dataclass(frozen=True, slots=True)
class Moment:
    """`now` is in seconds since 1970, `frame` counts redraws, `notice` is said in the last line."""

    now: float
    width: int
    height: int
    frame: int = 0
    notice: str = ""

    @property
    def spinner(self) -> str:
        return SPINNER[self.frame % len(SPINNER)]


def screen(record: Record, moment: Moment) -> list[Text]:
    """At most `moment.height` lines of at most `moment.width` columns."""
    lines = [_preparing(item, moment) for item in [*record.preparing.values()][-_PREPARING_LINES:]]
    choice = choose(rows(record), moment.height - len(lines) - 1)
    legs = list(dict.fromkeys(run.leg for run in record.runs))
    table = _Table(moment, legs, choice.shown, details=choice.details)
    for workflow in dict.fromkeys(row.workflow for row in choice.shown):
        name = next(run.name for ref, run in record.runs.items() if ref.workflow == workflow)
        lines.append(table.header(workflow, name))
        own = [row for row in choice.shown if row.workflow == workflow]
        for row in own:
            lines += table.row(row, last=row is own[-1])
    if choice.hidden:
        lines.append(_hidden(choice.hidden))
    lines.append(_footer(record, moment))
    for line in lines:
        line.truncate(moment.width, overflow="ellipsis")
    return lines[-moment.height :]


class _Table:
    """A column of names and one for each leg."""

    def __init__(
        self, moment: Moment, legs: Sequence[Leg], shown_rows: list[Row], *, details: bool
    ):
        longest = max((Text(shown(row.key)).cell_len for row in shown_rows), default=0)
        self._moment = moment
        self._legs = legs
        self._details = details
        self._name = max(_NARROWEST_NAME, min(longest, moment.width // 3)) + 1
        self._cell = max(_NARROWEST_CELL, (moment.width - self._name - 3) // max(1, len(legs)))

    def header(self, workflow: str, name: str) -> Text:
        line = Text.assemble((workflow_name(workflow), "bold"))
        if name not in {workflow, workflow_name(workflow)}:
            line.append(f"  {shown(name)}", style="dim")
        if len(self._legs) > 1:
            line = _fitted(line, self._name + 3)
            for leg in self._legs:
                line.append_text(_fitted(Text(str(leg or "as labelled"), "bold"), self._cell))
        return line

    def row(self, row: Row, *, last: bool) -> list[Text]:
        line = Text.assemble(("└─ " if last else "├─ ", "dim"))
        line.append_text(_fitted(Text(shown(row.key)), self._name))
        below = Text.assemble(("   " if last else "│  ", "dim"), " " * self._name)
        for leg in self._legs:
            job = row.cells.get(leg)
            line.append_text(_fitted(_cell(job, self._moment), self._cell))
            below.append_text(_fitted(_last_line(job), self._cell))
        return [line, below] if self._details and row.states & ACTIVE else [line]


def _fitted(text: Text, width: int) -> Text:
    """Exactly `width` columns, the last of them empty."""
    text.truncate(width - 1, overflow="ellipsis", pad=True)
    text.append(" ")
    return text


def _cell(job: JobRecord | None, moment: Moment) -> Text:
    if job is None:
        return Text("")
    mark = STATE_MARKS[job.state]
    text = Text.assemble((moment.spinner if job.state in ACTIVE else mark.symbol, mark.style))
    elapsed = job.elapsed(moment.now)
    if elapsed is not None:
        text.append(f" {duration(elapsed)} ")
    text.append(f" {_what(job)}", style="dim")
    return text


def _what(job: JobRecord) -> str:
    """What the job is doing, or why it does nothing."""
    if job.state is JobState.RUNNING and (step := job.current_step):
        return shown(step.name)
    if job.state is JobState.FAILED and (failed := job.failed_steps):
        return f"failed in {shown(failed[0].name)}"
    if job.state is JobState.SUCCEEDED:
        return ""
    words = state_words(job.state)
    reason = shown(job.reason.partition("\n")[0]) if job.reason else ""
    if reason and job.state in WAITING:
        return reason
    return f"{words}: {reason}" if reason else words


def _last_line(job: JobRecord | None) -> Text:
    step = job.current_step if job and job.state is JobState.RUNNING else None
    lines = (LogReader(colour=False).read(line) for line in reversed(step.tail if step else ()))
    last = next((line.text.strip() for line in lines if line and line.text.strip()), "")
    return Text(f"  {last.expandtabs(4)}", style="dim italic")


def _preparing(item: Preparing, moment: Moment) -> Text:
    text = Text.assemble((moment.spinner, "cyan"), f" {shown(item.subject)}")
    text.append(f" · {shown(item.stage)}", style="dim")
    if item.fraction is not None:
        fraction = min(max(item.fraction, 0.0), 1.0)
        text.append(f"  {fraction:.0%} ")
        width = max(0, min(_BAR, moment.width - text.cell_len))
        done = round(fraction * width)
        text.append("━" * done, style="cyan")
        text.append("─" * (width - done), style="dim")
    return text


def _hidden(hidden: Sequence[Row]) -> Text:
    count = Counter(job.state for row in hidden for job in row.cells.values())
    return Text(f"   … and {counted(count)}", style="dim")


def _footer(record: Record, moment: Moment) -> Text:
    count = Counter(job.state for job in record.jobs)
    started = min((run.started for run in record.runs.values()), default=moment.now)
    text = Text(f"{plural(count.total(), 'job')}: {counted(count)} · " if count else "")
    text.append(duration(max(0.0, moment.now - started)))
    if moment.notice:
        text.append(f" · {moment.notice}", style="yellow")
    return text


def counted(count: Counter[JobState]) -> str:
    """`3 running, 5 waiting, 4 succeeded`."""
    active = sum(count[state] for state in ACTIVE)
    waiting = sum(count[state] for state in WAITING)
    parts = [f"{active} running"] if active else []
    parts += [f"{waiting} waiting"] if waiting else []
    ended = (state for state in JobState if state.is_final and count[state])
    return ", ".join([*parts, *(f"{count[state]} {state_words(state)}" for state in ended)])
