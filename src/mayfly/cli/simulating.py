"""Simulates a trace under each policy, shows how far that is, and prints what came out."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from mayfly.cli.simulate_view import as_json, print_summaries
from mayfly.cli.terminal import put, say, wants_live
from mayfly.domain.errors import HostCannot, InvalidInput
from mayfly.server.simulator.engine import Observer, simulate
from mayfly.server.simulator.format import write_trace
from mayfly.server.simulator.measure import Summary, summarise
from mayfly.server.simulator.policy import fair, first_come, fixed_guess
from mayfly.server.simulator.reading import read_trace
from mayfly.server.simulator.trace import Trace

FAIR, GUESS, FIRST_COME = "mayfly", "fixed guess", "first come"
_TENTH = 0.1


def read(path: Path) -> Trace:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path}: not a trace: {error}") from None
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read: {error.strerror}") from None
    return read_trace(text, str(path))


def write(trace: Trace, path: Path) -> None:
    try:
        with path.open("w", encoding="utf-8") as file:
            file.writelines(write_trace(trace))
    except OSError as error:
        raise HostCannot(f"{path}: cannot be written: {error.strerror}") from None


def run_all(trace: Trace, bound_s: float, *, json: bool) -> None:
    if not trace.jobs:
        raise InvalidInput("the trace has no jobs")
    summaries: dict[str, Summary] = {}
    policies = {
        FAIR: fair(trace, bound_s),
        GUESS: fixed_guess(trace, bound_s),
        FIRST_COME: first_come(trace),
    }
    for name, policy in policies.items():
        with _followed(name) as observe:
            summaries[name] = summarise(trace, simulate(trace, policy, observe))
    if json:
        put(as_json(trace, summaries))
    else:
        print_summaries(trace, summaries)


@contextlib.contextmanager
def _followed(name: str) -> Iterator[Observer]:
    """A bar on a terminal, else a line for each tenth; on standard error."""
    if not wants_live(sys.stderr):
        yield _lines(name)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("simulating: {task.description:<10}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    ) as progress:
        task = progress.add_task(name, total=1.0)
        yield lambda fraction: progress.update(task, completed=fraction)


def _lines(name: str) -> Callable[[float], None]:
    told = 0.0

    def observe(fraction: float) -> None:
        nonlocal told
        if fraction >= told + _TENTH:
            told = fraction
            say(f"simulating: {name}: {fraction:.0%}")

    return observe
