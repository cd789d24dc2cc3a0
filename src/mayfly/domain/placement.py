"""Whether a machine of some size can run on a host, and which size could instead."""

import math
from dataclasses import dataclass, replace
from decimal import Decimal

from mayfly.domain.architecture import Architecture
from mayfly.domain.labels import Requirement

_MEMORY_STEP_MIB = 256


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a host has, or what it has left. `architectures` are those it can run at all."""

    cpu: Decimal
    memory_mib: int
    architectures: frozenset[Architecture]


def less(capacity: Capacity, cpu: float | Decimal, memory_mib: int) -> Capacity:
    """What is left of it when a machine of that size has its part."""
    taken = Decimal(str(cpu))
    return replace(capacity, cpu=capacity.cpu - taken, memory_mib=capacity.memory_mib - memory_mib)


def vcpus(requirement: Requirement) -> int:
    """How many whole vCPUs the machine gets; a fraction is a share of time on them."""
    return max(1, math.ceil(requirement.cpu))


def misfit(requirement: Requirement, capacity: Capacity) -> str | None:
    """Why a host of that capacity cannot run it, in words; None if it can."""
    if not capacity.architectures or (
        requirement.architecture and requirement.architecture not in capacity.architectures
    ):
        return f"it needs {requirement.architecture or 'a machine'}, {_served(capacity)}"
    lacking = []
    if requirement.cpu > capacity.cpu:
        lacking.append(f"{requirement.cpu.normalize():f} vCPU (there are {capacity.cpu})")
    if requirement.memory_mib > capacity.memory_mib:
        lacking.append(f"{requirement.memory_mib} MiB of memory (there are {capacity.memory_mib})")
    return "it needs " + " and ".join(lacking) if lacking else None


def nearest_fit(requirement: Requirement, capacity: Capacity) -> Requirement | None:
    """The largest size that fits and is nowhere above what was asked for.

    The requirement itself if it fits; None if the host cannot run its architecture or anything.
    Memory that has to shrink becomes a multiple of 256 MiB.
    """
    served = not requirement.architecture or requirement.architecture in capacity.architectures
    memory = requirement.memory_mib
    if memory > capacity.memory_mib:
        memory = capacity.memory_mib // _MEMORY_STEP_MIB * _MEMORY_STEP_MIB
    cpu = min(requirement.cpu, capacity.cpu)
    if not served or not capacity.architectures or memory <= 0 or cpu <= 0:
        return None
    return replace(requirement, cpu=cpu, memory_mib=memory)


def _served(capacity: Capacity) -> str:
    names = " and ".join(sorted(capacity.architectures))
    return f"this host runs {names}" if names else "this host can run none"
