"""What attempts of a job took, and which size would have done."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mayfly.domain.labels import Requirement
from mayfly.server.web.views import words
from mayfly.server.web.views.looks import Look, of_state
from mayfly.store.rows import MeteringRow

_CPUS = tuple(Decimal(cpu) for cpu in ("0.5", "1", "2", "4", "8", "16", "32", "64"))
_GIBS = (1, 2, 4, 8, 16, 32, 64, 128)
_HEADROOM = 1.25
_TELLING_S = 20.0
"""Shorter jobs say little about the size they need."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of an attempt; `part` of what the job had, where that means something."""

    name: str
    text: str
    part: float | None = None


@dataclass(frozen=True, slots=True)
class AttemptLine:
    number: int
    host: str
    look: Look
    architecture: str
    finished: float | None
    queued_s: float
    ran_s: float
    measures: tuple[Measure, ...]


@dataclass(frozen=True, slots=True)
class Advice:
    """A size that would do, and why."""

    label: str
    why: str


def attempts(rows: Sequence[MeteringRow]) -> tuple[AttemptLine, ...]:
    """The latest first."""
    return tuple(sorted((_attempt(row) for row in rows), key=lambda one: -one.number))


def _attempt(row: MeteringRow) -> AttemptLine:
    number = row.id.rpartition(":")[2]
    return AttemptLine(
        number=int(number) if number.isdecimal() else 0,
        host=row.host,
        look=of_state(row.state),
        architecture=row.architecture.value,
        finished=row.finished or None,
        queued_s=row.queued_s,
        ran_s=row.ran_s,
        measures=tuple(_measures(row)),
    )


def _measures(row: MeteringRow) -> list[Measure]:
    usage = row.usage
    found = []
    if (cores := busy_cores(row)) is not None:
        text = f"{cores:.2f} of {words.cpu(row.millicpu)} vCPU on average"
        found.append(Measure("CPU", text, min(1.0, cores * 1000 / max(1, row.millicpu))))
    if peak := _number(usage, "peak_memory"):
        had = row.memory_mib * 1024 * 1024
        text = f"{words.size(peak)} of {words.memory(row.memory_mib)} at its peak"
        found.append(Measure("Memory", text, min(1.0, peak / max(1, had))))
    if (start := _number(usage, "start_seconds")) is not None:
        accelerator = usage.get("accelerator")
        how = f" ({accelerator})" if isinstance(accelerator, str) and accelerator else ""
        found.append(Measure("Start", f"{words.duration(start)}{how}"))
    said = usage.get("more")
    more: dict[str, Any] = said if isinstance(said, dict) else {}
    for name in sorted(more):
        if (value := _number(more, name)) is not None:
            found.append(_named(name, value))
    return found


def _named(name: str, value: float) -> Measure:
    """By its unit, which is the end of its name."""
    stem, _, unit = name.rpartition("_")
    if unit == "bytes":
        return Measure(_title(stem), words.size(value))
    if unit == "seconds":
        return Measure(_title(stem), words.duration(value))
    if unit in {"ratio", "fraction"}:
        return Measure(_title(stem), words.percent(value), min(1.0, max(0.0, value)))
    return Measure(_title(name), f"{value:,.4g}")


def _title(name: str) -> str:
    return name.replace("_", " ").strip().capitalize()


def busy_cores(row: MeteringRow) -> float | None:
    """How many cores it kept busy while it ran."""
    used = _number(row.usage, "cpu_seconds")
    return used / row.ran_s if used is not None and row.ran_s > 0 else None


def _number(usage: dict[str, Any], name: str) -> float | None:
    value = usage.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def advice(rows: Sequence[MeteringRow]) -> Advice | None:
    """From the attempts that succeeded; None where the size is right, or little is known."""
    telling = [row for row in rows if row.state.value == "succeeded" and row.ran_s >= _TELLING_S]
    cores = [busy for row in telling if (busy := busy_cores(row)) is not None]
    peaks = [peak for row in telling if (peak := _number(row.usage, "peak_memory"))]
    if not cores or not peaks:
        return None
    had = telling[-1]
    cpu = _enough_cpu(max(cores), had)
    gib = _enough_memory(max(peaks), had)
    if (cpu, gib * 1024) == (Decimal(had.millicpu) / 1000, had.memory_mib):
        return None
    wanted = Requirement(had.architecture, cpu, gib * 1024)
    why = (
        f"it kept {max(cores):.1f} of {words.cpu(had.millicpu)} vCPU busy and used "
        f"{words.size(max(peaks))} of {words.memory(had.memory_mib)}"
    )
    return Advice(str(wanted), why)


def _enough_cpu(busy: float, had: MeteringRow) -> Decimal:
    """The smallest with headroom; one step more if it was busy all the time."""
    now = Decimal(had.millicpu) / 1000
    if busy * 1000 > 0.95 * had.millicpu:
        return next((cpu for cpu in _CPUS if cpu > now), now)
    return min(next((cpu for cpu in _CPUS if float(cpu) >= busy * _HEADROOM), now), now)


def _enough_memory(peak: float, had: MeteringRow) -> int:
    """GiB."""
    need = peak * _HEADROOM / 1024**3
    return next((gib for gib in _GIBS if gib >= need), max(1, had.memory_mib // 1024))
