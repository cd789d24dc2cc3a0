"""What stays on the screen when everything has ended: failures, summaries, and one table."""

from collections import Counter

from rich import box
from rich.console import Console
from rich.markdown import Markdown
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from mayfly.cli.guest_text import block, shown
from mayfly.cli.live_rows import Leg, Row, rows
from mayfly.cli.live_screen import counted
from mayfly.cli.log_text import LogReader
from mayfly.cli.words import (
    CONCLUSION_MARKS,
    STATE_MARKS,
    Labels,
    duration,
    plural,
    size,
    state_words,
    where,
    why_failed,
)
from mayfly.domain.events import Annotated
from mayfly.domain.job import JobState
from mayfly.domain.record import JobRecord, Record, StepRecord

_LAST_LINES = 20
_ROWS_AT_MOST = 60
_ANNOTATIONS_AT_MOST = 10
_FAILURES = frozenset({JobState.FAILED, JobState.TIMED_OUT, JobState.LOST, JobState.REJECTED})
_LEVEL_STYLES = {"error": "red", "warning": "yellow", "notice": "blue"}


def print_report(console: Console, record: Record) -> None:
    labels = Labels(record.runs)
    for job in record.jobs:
        if job.state in _FAILURES:
            _print_failure(console, labels.job(job.ref), job)
    for job in record.jobs:
        if job.state not in _FAILURES:
            _print_annotations(console, labels.job(job.ref), job)
        if job.summary.strip():
            console.print(
                Rule(Text(f"Summary of {labels.job(job.ref)}"), align="left", style="dim")
            )
            console.print(Markdown(block(job.summary), hyperlinks=False))
    console.print()
    console.print(_table(record))
    count = Counter(job.state for job in record.jobs)
    console.print(Text(f"{plural(count.total(), 'job')}: {counted(count)}"))
    for job in record.jobs:
        if job.machine is not None:
            line = f"{labels.job(job.ref)} is kept: mayfly shell {job.machine}"
            console.print(Text(line, style="yellow"))


def _print_failure(console: Console, label: str, job: JobRecord) -> None:
    title = Text.assemble((f"{label} {state_words(job.state)}", "bold red"))
    console.print(Rule(title, align="left", style="red"))
    if job.reason:
        console.print(Text(block(job.reason), style="red"))
    for step in job.failed_steps:
        _print_step(console, step)
    for annotation in job.annotations[:_ANNOTATIONS_AT_MOST]:
        console.print(_annotation(annotation))


def _print_step(console: Console, step: StepRecord) -> None:
    mark = CONCLUSION_MARKS[step.outcome] if step.outcome else STATE_MARKS[JobState.FAILED]
    line = Text.assemble((f"{mark.symbol} ", mark.style), (shown(step.name), "bold"))
    console.print(line.append(f": {why_failed(step)}"))
    reader = LogReader(colour=console.color_system is not None)
    read = [reader.read(line) for line in step.tail]
    for entry in [entry for entry in read if entry][-_LAST_LINES:]:
        text = Text.from_ansi(entry.text) if not entry.style else Text(entry.text, entry.style)
        console.print(Text.assemble(("  │ ", "dim"), text), soft_wrap=True)


def _print_annotations(console: Console, label: str, job: JobRecord) -> None:
    for annotation in job.annotations[:_ANNOTATIONS_AT_MOST]:
        console.print(Text(f"{label}: ", style="dim").append_text(_annotation(annotation)))
    more = len(job.annotations) - _ANNOTATIONS_AT_MOST
    if more > 0:
        console.print(Text(f"{label}: and {plural(more, 'more annotation')}", style="dim"))


def _annotation(annotation: Annotated) -> Text:
    place = ":".join(
        str(part) for part in (annotation.file, annotation.line, annotation.column) if part
    )
    text = Text(f"{shown(place)}: " if place else "")
    text.append(annotation.level, style=_LEVEL_STYLES.get(annotation.level, ""))
    title = f" {shown(annotation.title)}:" if annotation.title else ":"
    return text.append(f"{title} {block(annotation.message)}")


def _table(record: Record) -> Table:
    legs = list(dict.fromkeys(run.leg for run in record.runs))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    several = len({run.workflow for run in record.runs}) > 1
    if several:
        table.add_column("workflow", overflow="ellipsis", no_wrap=True)
    table.add_column("job", overflow="ellipsis", no_wrap=True, min_width=8)
    for leg in legs:
        table.add_column(str(leg or "result"), overflow="fold")
    if len(legs) == 1:
        table.add_column("machine", overflow="fold")
    everything = rows(record)
    chosen = sorted(everything, key=lambda row: row.priority)[:_ROWS_AT_MOST]
    for row in (row for row in everything if row in chosen):
        first = [Text(shown(row.workflow.rpartition("/")[2]))] if several else []
        table.add_row(*first, Text(shown(row.key)), *_results(row, legs))
    if len(everything) > _ROWS_AT_MOST:
        table.caption = f"and {plural(len(everything) - _ROWS_AT_MOST, 'more job')}"
    return table


def _results(row: Row, legs: list[Leg]) -> list[Text]:
    results = [_result(row.cells.get(leg)) for leg in legs]
    return [*results, _machine(row.cells[legs[0]])] if len(legs) == 1 else results


def _result(job: JobRecord | None) -> Text:
    if job is None:
        return Text("")
    mark = STATE_MARKS[job.state]
    text = Text.assemble((f"{mark.symbol} {state_words(job.state)}", mark.style))
    elapsed = job.elapsed(job.finished or 0.0)
    if elapsed is not None:
        text.append(f" {duration(elapsed)}")
    if job.state is JobState.SKIPPED and job.reason:
        text.append(f": {shown(job.reason)}", style="dim")
    return text


def _machine(job: JobRecord) -> Text:
    """What it ran on, how long the start took, and what it used."""
    if job.started is None:
        return Text("")
    parts = [where(job)]
    if (measured := job.measured) is not None:
        if measured.start_seconds is not None:
            parts.append(f"start {measured.start_seconds:.2f}s")
        parts += [f"CPU {duration(measured.cpu_seconds)}", size(measured.peak_memory)]
    return Text(" · ".join(parts), style="dim")
