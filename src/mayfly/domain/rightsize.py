"""Which size a job should ask for, from what it took lately. Pure; every suggestion says why.

It errs towards leaving things as they are. Memory that a machine once touched stays resident,
file cache included, so much of it proves no need: only a job that ran out of it gets more. A mean
hides bursts, so CPUs are taken away only where even the busiest run used few, and the host's own
trouble is never a reason for more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from mayfly.domain.labels import Requirement

_RUNS = 5  # fewer prove nothing
_CONSIDERED = 20
_SHORTEST_S = 30.0  # of less, most is the start
_CPU_STEPS = tuple(Decimal(step) for step in (1, 2, 4, 8, 16, 32, 64, 128))
_MEMORY_STEPS_GIB = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
_CPU_HEADROOM = 1.5
_MEMORY_HEADROOM = 1.25
_SAVING = 0.5  # less than half saved is not worth a change
_FULL = 0.85  # of its CPUs, all the time: more would be used
_HOST_BUSY = 0.1  # of its CPU time spent waiting: the host was short of CPUs
_MIB = 1024 * 1024
_GIB_IN_MIB = 1024


@dataclass(frozen=True, slots=True)
class Taken:
    """One run of a job, of the size in question, that was not ended by its host.

    `seconds` it ran, `peak_memory` in bytes; `cpu_wait_seconds` is None where unknown;
    `memory_full` when something in it was killed for lack of memory.
    """

    seconds: float
    cpu_seconds: float
    peak_memory: int
    cpu_wait_seconds: float | None = None
    memory_full: bool = False


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`label` asks for the `requirement`."""

    requirement: Requirement
    label: str
    reason: str


def right_size(requirement: Requirement, history: Sequence[Taken]) -> Suggestion | None:
    """What to ask for instead; None if nothing speaks clearly for a change.

    `history` is oldest first.
    """
    recent = [run for run in history if run.seconds >= _SHORTEST_S][-_CONSIDERED:]
    if len(recent) < _RUNS:
        return None
    cpu, why_cpu = _cpu(requirement.cpu, recent)
    memory, why_memory = _memory(requirement.memory_mib, recent)
    if not why_cpu and not why_memory:
        return None
    wanted = replace(requirement, cpu=cpu, memory_mib=memory)
    reason = "; ".join(why for why in (why_cpu, why_memory) if why)
    return Suggestion(wanted, str(wanted), f"in its last {len(recent)} runs {reason}")


def _cpu(asked: Decimal, runs: Sequence[Taken]) -> tuple[Decimal, str]:
    """How many, and why not as many as were asked for."""
    used = [run.cpu_seconds / run.seconds for run in runs]
    needed = Decimal(max(used) * _CPU_HEADROOM)
    step = next((step for step in _CPU_STEPS if step >= needed), asked)
    if step <= asked * Decimal(_SAVING):
        return step, f"it used {max(used):.1f} of {_plain(asked)} vCPU at most, on average of a run"
    more = next((step for step in _CPU_STEPS if step > asked), asked)
    held_up = any(_held_up(run) for run in runs)
    if more > asked and not held_up and min(used) >= float(asked) * _FULL:
        return more, f"it used all of {_plain(asked)} vCPU from beginning to end"
    return asked, ""


def _held_up(run: Taken) -> bool:
    waited = run.cpu_wait_seconds or 0.0
    return waited > _HOST_BUSY * (run.cpu_seconds + waited)


def _memory(asked_mib: int, runs: Sequence[Taken]) -> tuple[int, str]:
    """MiB, and why not as much as was asked for."""
    asked = asked_mib / _GIB_IN_MIB
    if runs[-1].memory_full:
        more = next((step for step in _MEMORY_STEPS_GIB if step >= asked * 1.5), None)
        if more is not None:
            return more * _GIB_IN_MIB, f"it ran out of its {asked:g} GiB of memory"
    peak = max(run.peak_memory for run in runs) / _MIB / _GIB_IN_MIB
    step = next((step for step in _MEMORY_STEPS_GIB if step >= peak * _MEMORY_HEADROOM), asked)
    if step <= asked * _SAVING and not any(run.memory_full for run in runs):
        return int(step * _GIB_IN_MIB), f"it touched {peak:.1f} of {asked:g} GiB of memory"
    return asked_mib, ""


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
