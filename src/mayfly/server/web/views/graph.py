"""The jobs of a run as a picture: what needs nothing is left, lines go to what needs it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mayfly.server.web.views.looks import Look, of_state
from mayfly.store.rows import JobRow

WIDTH, HEIGHT = 216, 34
_GAP_X, _GAP_Y, _MARGIN = 56, 12, 6
_MOST = 80
_LONGEST = 25


@dataclass(frozen=True, slots=True)
class Node:
    """A box at `x`, `y`; `title` is shortened to fit, `name` is whole."""

    id: str
    name: str
    title: str
    look: Look
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Graph:
    """`lines` are SVG paths."""

    nodes: tuple[Node, ...]
    lines: tuple[str, ...]
    width: int
    height: int


def graph_of(rows: Sequence[JobRow]) -> Graph | None:
    """None where a list says as much: no job needs another, or there are too many for a picture."""
    by_key = {row.planned.key: row for row in rows}
    needs = {row.planned.key: [key for key in row.planned.needs if key in by_key] for row in rows}
    if not any(needs.values()) or len(rows) > _MOST:
        return None
    depths = _depths(needs)
    columns: dict[int, int] = {}
    nodes: dict[str, Node] = {}
    for key, row in by_key.items():
        place = columns.get(depths[key], 0)
        columns[depths[key]] = place + 1
        nodes[key] = Node(
            row.id,
            row.planned.name,
            _short(row.planned.name),
            of_state(row.state),
            _MARGIN + depths[key] * (WIDTH + _GAP_X),
            _MARGIN + place * (HEIGHT + _GAP_Y),
        )
    lines = [_line(nodes[need], nodes[key]) for key in needs for need in needs[key]]
    return Graph(
        tuple(nodes.values()),
        tuple(lines),
        max(node.x for node in nodes.values()) + WIDTH + _MARGIN,
        max(node.y for node in nodes.values()) + HEIGHT + _MARGIN,
    )


def _depths(needs: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """How long the longest chain before each job is; the planner has refused circles."""
    depths: dict[str, int] = {}
    while len(depths) < len(needs):
        for key, wanted in needs.items():
            if key not in depths and all(need in depths for need in wanted):
                depths[key] = max((depths[need] + 1 for need in wanted), default=0)
    return depths


def _line(start: Node, end: Node) -> str:
    x, y = start.x + WIDTH, start.y + HEIGHT // 2
    to_x, to_y = end.x, end.y + HEIGHT // 2
    middle = (x + to_x) // 2
    return f"M{x} {y}C{middle} {y} {middle} {to_y} {to_x} {to_y}"


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
