"""What a simulation told, as tables for people and as JSON for programs."""

import dataclasses
import json
import sys
from collections.abc import Mapping

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mayfly.cli.guest_text import shown
from mayfly.cli.terminal import wants_colour
from mayfly.cli.words import duration, plural
from mayfly.server.simulator.measure import Summary, Waits
from mayfly.server.simulator.trace import Trace

_DASH = "-"

Summaries = Mapping[str, Summary]
"""By the name of the policy; all of one trace."""


def as_json(trace: Trace, summaries: Summaries) -> str:
    """Times in seconds. Keys are stable; a later version may add some."""
    document = {
        "jobs": len(trace.jobs),
        "hosts": sum(group.count for group in trace.hosts),
        "projects": len(trace.projects),
        "policies": {name: dataclasses.asdict(one) for name, one in summaries.items()},
    }
    return json.dumps(document, indent=2)


def print_summaries(trace: Trace, summaries: Summaries) -> None:
    console = Console(no_color=not wants_colour(sys.stdout), highlight=False)
    console.print(_waiting(trace, summaries))
    console.print(_measures(summaries))
    for name, summary in summaries.items():
        if summary.never_started:
            jobs = plural(summary.never_started, "job")
            them = "it" if summary.never_started == 1 else "them"
            text = f"{name}: {jobs} never started: no host can run {them}"
            console.print(Text(text, style="yellow"))


def _waiting(trace: Trace, summaries: Summaries) -> Table:
    """One group of jobs after the other, in each one line a policy."""
    hosts = sum(group.count for group in trace.hosts)
    table = Table(
        title=f"How long {len(trace.jobs):,} jobs wait on {hosts:,} hosts",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
    )
    for heading in ("jobs", "", "", "half", "95%", "99%", "longest"):
        table.add_column(heading, justify="left" if heading in ("jobs", "") else "right")
    for group, waits in _groups(summaries).items():
        for at, (name, one) in enumerate(waits.items()):
            first = (shown(group), f"{one.jobs:>10,}") if at == 0 else ("", "")
            times = (one.p50, one.p95, one.p99, one.longest)
            table.add_row(*first, name, *map(duration, times), style="dim" if at else None)
        table.add_section()
    return table


def _groups(summaries: Summaries) -> dict[str, dict[str, Waits]]:
    """For each group of jobs the waits under each policy."""
    found: dict[str, dict[str, Waits]] = {}
    for name, summary in summaries.items():
        found.setdefault("all", {})[name] = summary.every
        groups = {**summary.by_size, **summary.by_kind}
        for group, waits in groups.items():
            found.setdefault(group, {})[name] = waits
    return found


def _measures(summaries: Summaries) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("")
    for name in summaries:
        table.add_column(name, justify="right")
    every = list(summaries.values())
    for pool in every[0].busy:
        table.add_row(f"{pool}: vCPU given out", *(f"{one.busy[pool]:.0%}" for one in every))
    table.add_row(
        "fairness of shares while projects wait (1 is even)",
        *(_DASH if one.even_shares is None else f"{one.even_shares:.2f}" for one in every),
    )
    table.add_row(
        "fairness of slowdown between projects (1 is even)",
        *(f"{one.even_slowdowns:.2f}" for one in every),
    )
    table.add_row("hosts kept for jobs past their bound", *(f"{one.hosts_kept:,}" for one in every))
    table.add_row(
        "jobs that took longer than expected", *(f"{one.overstayed:.0%}" for one in every)
    )
    return table
