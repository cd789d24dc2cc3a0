"""The view for pipes, files and CI: every line as it happens, behind the name of its job.

    build │ ▸ Run make
    build │   cc -o sign sign.c
    build │ ✓ Run make (1.2s)
    build │ ✓ succeeded in 3.4s

It writes straight to the stream: a job may print megabytes a second.
"""

import contextlib
import sys
from collections.abc import Callable, Collection, Sequence
from typing import TextIO

from rich.console import Console

from mayfly.cli.guest_text import block, shown
from mayfly.cli.log_text import LogReader
from mayfly.cli.parity_view import print_parity
from mayfly.cli.report import print_report
from mayfly.cli.terminal import paint
from mayfly.cli.words import (
    CONCLUSION_MARKS,
    STATE_MARKS,
    Labels,
    duration,
    state_words,
    where,
    why_failed,
    workflow_name,
)
from mayfly.domain.events import (
    Event,
    JobChanged,
    JobRef,
    LogLines,
    MachineKept,
    Preparing,
    RunRef,
    RunStarted,
    StepFinished,
    StepStarted,
)
from mayfly.domain.job import Conclusion, JobState
from mayfly.domain.record import Record
from mayfly.parity.compare import Parity

_WIDEST_LABEL = 32
_OURS = "mayfly"
_WIDTH_OF_FILES = 120


class PlainView:
    """`write` takes whole lines with their ends; `record` has taken in each event already."""

    def __init__(
        self,
        write: Callable[[str], None],
        record: Record,
        runs: Collection[RunRef],
        *,
        colour: bool,
    ):
        self._write = write
        self._record = record
        self._labels = Labels(runs)
        self._colour = colour
        self._width = len(_OURS)
        self._readers: dict[tuple[JobRef, int], LogReader] = {}
        self._stages: dict[str, str] = {}

    def introduce(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._print(_OURS, shown(line), "dim")

    def drawing(self) -> contextlib.AbstractAsyncContextManager[None]:
        return contextlib.nullcontext()

    def observe(self, event: Event) -> None:
        match event:
            case LogLines():
                self._log(event)
            case StepStarted():
                self._print(self._label(event.job), f"▸ {shown(event.name)}", "bold")
            case StepFinished():
                self._step_finished(event)
            case JobChanged():
                self._job_changed(event)
            case MachineKept():
                self._print(self._label(event.job), f"kept: mayfly shell {event.machine}", "yellow")
            case Preparing():
                self._preparing(event)
            case RunStarted():
                self._run_started(event)

    def tell(self, text: str) -> None:
        """A line of our own."""
        self._print(_OURS, text, "yellow")

    def report(self, parity: Parity | None) -> None:
        console = Console(file=sys.stdout, highlight=False, width=_report_width(sys.stdout))
        print_report(console, self._record)
        if parity is not None:
            print_parity(console, parity)

    def leave(self, exit_code: int) -> None:
        """The report has said it."""

    def _log(self, event: LogLines) -> None:
        key = (event.job, event.step)
        reader = self._readers.get(key)
        if reader is None:
            reader = self._readers[key] = LogReader(colour=self._colour)
        prefix = self._prefix(self._label(event.job)) + "  "
        lines = (reader.read(line) for line in event.lines)
        self._write(
            "".join(f"{prefix}{self._painted(line.text, line.style)}\n" for line in lines if line)
        )

    def _step_finished(self, event: StepFinished) -> None:
        self._readers.pop((event.job, event.step), None)
        job = self._record.job(event.job)
        step = job.steps.get(event.step) if job else None
        if step is None or event.outcome is Conclusion.SKIPPED:
            return
        mark = CONCLUSION_MARKS[event.outcome]
        text = f"{mark.symbol} {shown(step.name)} ({duration(event.at - step.started)})"
        if event.outcome is not Conclusion.SUCCESS:
            text += f": {why_failed(step)}"
        if event.outcome is not event.conclusion:
            text += ", which may be"
        self._print(self._label(event.job), text, mark.style)

    def _job_changed(self, event: JobChanged) -> None:
        mark = STATE_MARKS[event.state]
        text = f"{mark.symbol} {state_words(event.state)}"
        job = self._record.job(event.job)
        if event.state is JobState.STARTING and job and job.architecture:
            text += f" on {where(job)}"
        elif event.state.is_final:
            elapsed = job.elapsed(event.at) if job else None
            text += f" in {duration(elapsed)}" if elapsed is not None else ""
        elif event.state is not JobState.STARTING:
            return
        first, *more = block(event.reason).split("\n") if event.reason else [""]
        label = self._label(event.job)
        self._print(label, f"{text}: {first}" if first else text, mark.style)
        for line in more:
            self._print(label, f"  {line}", "")

    def _preparing(self, event: Preparing) -> None:
        if event.done:
            self._stages.pop(event.subject, None)
            self._print(_OURS, f"{shown(event.subject)}: {shown(event.stage)}", "")
        elif self._stages.get(event.subject) != event.stage:
            self._stages[event.subject] = event.stage
            self._print(_OURS, f"{shown(event.subject)}: {shown(event.stage)}", "dim")

    def _run_started(self, event: RunStarted) -> None:
        leg = f" on {event.run.leg}" if event.run.leg else ""
        self._print(
            _OURS, f"{shown(event.name)} ({workflow_name(event.run.workflow)}){leg}", "bold"
        )

    def _label(self, ref: JobRef) -> str:
        return self._labels.job(ref)

    def _print(self, label: str, text: str, style: str) -> None:
        self._write(f"{self._prefix(label)}{self._painted(text, style)}\n")

    def _prefix(self, label: str) -> str:
        """Labels line up as far as they are known by now."""
        self._width = max(self._width, min(len(label), _WIDEST_LABEL))
        return self._painted(f"{label:<{self._width}} │ ", "dim")

    def _painted(self, text: str, style: str) -> str:
        return paint(text, style, colour=self._colour)


def _report_width(stream: TextIO) -> int | None:
    """The terminal's own; files and pipes have none, so one that most readers can show."""
    return None if stream.isatty() else _WIDTH_OF_FILES
