"""What fits a host, and the nearest size that does."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mayfly.domain.architecture import Architecture
from mayfly.domain.labels import Requirement
from mayfly.domain.placement import Capacity, misfit, nearest_fit, vcpus

AMD64, ARM64 = Architecture.AMD64, Architecture.ARM64
LAPTOP = Capacity(Decimal(2), 8000, frozenset({AMD64, ARM64}))

capacities = st.builds(
    Capacity,
    cpu=st.integers(0, 64).map(Decimal),
    memory_mib=st.integers(0, 300_000),
    architectures=st.frozensets(st.sampled_from([AMD64, ARM64])),
)
requirements = st.builds(
    Requirement,
    architecture=st.sampled_from([AMD64, ARM64, None]),
    cpu=st.integers(1, 64_000).map(lambda milli: Decimal(milli) / 1000),
    memory_mib=st.integers(1, 300_000),
)


@pytest.mark.parametrize(
    ("cpu", "whole"), [("0.25", 1), ("0.5", 1), ("1", 1), ("1.5", 2), ("8", 8)]
)
def test_fractions_run_on_whole_vcpus(cpu: str, whole: int) -> None:
    assert vcpus(Requirement(cpu=Decimal(cpu))) == whole


def test_what_fits() -> None:
    assert misfit(Requirement(ARM64, Decimal(2), 8000), LAPTOP) is None
    assert misfit(Requirement(None, Decimal("0.5"), 512), LAPTOP) is None


def test_why_something_does_not_fit() -> None:
    reason = misfit(Requirement(AMD64, Decimal(4), 16384), LAPTOP)
    assert reason == "it needs 4 vCPU (there are 2) and 16384 MiB of memory (there are 8000)"
    only_amd64 = Capacity(Decimal(2), 8000, frozenset({AMD64}))
    assert misfit(Requirement(ARM64), only_amd64) == "it needs arm64, this host runs amd64"


def test_the_nearest_size_keeps_what_fits_and_shrinks_the_rest() -> None:
    asked = Requirement(ARM64, Decimal(4), 16384)
    assert nearest_fit(asked, LAPTOP) == Requirement(ARM64, Decimal(2), 7936)
    assert str(nearest_fit(asked, LAPTOP)) == "mayfly-arm64-2cpu-7.75gb"


def test_an_architecture_has_no_nearest() -> None:
    only_amd64 = Capacity(Decimal(2), 8000, frozenset({AMD64}))
    assert nearest_fit(Requirement(ARM64), only_amd64) is None


@settings(deadline=None)
@given(requirements, capacities)
def test_the_nearest_fits_and_asks_for_nothing_more(asked: Requirement, host: Capacity) -> None:
    nearest = nearest_fit(asked, host)
    if misfit(asked, host) is None:
        assert nearest == asked
    elif nearest is not None:
        assert misfit(nearest, host) is None
        assert nearest.cpu <= asked.cpu
        assert nearest.memory_mib <= asked.memory_mib
        assert nearest.architecture == asked.architecture
