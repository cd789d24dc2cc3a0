"""The table of what differs between two architectures, with the lines that tell."""

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from mayfly.cli.guest_text import shown
from mayfly.cli.words import plural, workflow_name
from mayfly.domain.architecture import Architecture
from mayfly.parity.compare import Difference, Parity

_GOOD = frozenset({"success", "succeeded"})
_BAD = frozenset({"failure", "failed", "timed out", "lost", "rejected"})


def print_parity(console: Console, parity: Parity) -> None:
    one, other = parity.legs
    if not parity.compared and not parity.differences:
        console.print(Text(f"Parity {one} / {other}: no job ran on both."))
    elif not parity.differences:
        jobs = plural(parity.compared, "job")
        console.print(
            Text.assemble(
                (f"Parity {one} / {other}: ", "bold"), ("no difference", "green"), f" in {jobs}."
            )
        )
    else:
        console.print(_table(parity))


def _table(parity: Parity) -> RenderableType:
    count = plural(len(parity.differences), "difference")
    jobs = plural(parity.compared, "job")
    one, other = parity.legs
    table = Table(
        title=f"Parity {one} / {other}: {count} in {jobs} that ran on both",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        expand=False,
        show_lines=len(parity.differences) > 1,
    )
    several = len({found.workflow for found in parity.differences}) > 1
    if several:
        table.add_column("workflow", overflow="fold")
    table.add_column("job", overflow="fold")
    table.add_column("step", overflow="fold")
    for leg in parity.legs:
        table.add_column(str(leg), no_wrap=True)
    table.add_column("failing lines", overflow="fold", ratio=1)
    for found in parity.differences:
        row = [_plain(found.job), _plain(found.step or "(whole job)")]
        ends = [_outcome(found.outcomes[leg]) for leg in parity.legs]
        first = [_plain(workflow_name(found.workflow))] if several else []
        table.add_row(*first, *row, *ends, _lines(found, parity.legs))
    return table


def _plain(text: str) -> Text:
    return Text(shown(text))


def _outcome(word: str) -> Text:
    style = "green" if word in _GOOD else "red" if word in _BAD else "yellow"
    return Text(word, style=style)


def _lines(found: Difference, legs: tuple[Architecture, Architecture]) -> Text:
    """Of the leg that failed; its name is above them where both failed in their own way."""
    lines = "\n".join(shown(line) for line in found.lines)
    both_bad = all(found.outcomes[leg] in _BAD for leg in legs)
    return Text(f"{found.lines_of}:\n{lines}" if both_bad and found.lines_of else lines)
