"""The values that the scheduler is told."""

from decimal import Decimal

import pytest

from mayfly.domain.scheduling import HostRoom, ProjectShare, as_labels, millicpu, offered_millicpu


@pytest.mark.parametrize(("cpu", "expected"), [("2", 2000), ("0.25", 250), ("0.0001", 1)])
def test_fractions_are_thousandths_rounded_up(cpu: str, expected: int) -> None:
    assert millicpu(Decimal(cpu)) == expected


def test_overcommit_multiplies_cores() -> None:
    assert offered_millicpu(64) == 64_000
    assert offered_millicpu(64, Decimal("1.5")) == 96_000


def test_labels_have_no_case() -> None:
    assert as_labels(["SSD", " ssd ", "Gpu"]) == {"ssd", "gpu"}


def test_a_weight_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="the weight of project p is 0"):
        ProjectShare("p", weight=0)


def test_a_host_runs_something() -> None:
    with pytest.raises(ValueError, match="host h runs no architecture"):
        HostRoom("h", 1000, 1024, ())
