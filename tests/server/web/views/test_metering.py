"""What attempts took, and the size that would do."""

from typing import Any

import pytest
from tests.server.web.views.rows import metering

from mayfly.domain.job import JobState
from mayfly.server.web.views.metering import advice, attempts, busy_cores

GIB = 1 << 30


def test_the_latest_attempt_is_first() -> None:
    found = attempts([metering(1, state=JobState.LOST), metering(10), metering(2)])
    assert [one.number for one in found] == [10, 2, 1]


def test_what_was_used_is_a_part_of_what_was_had() -> None:
    [one] = attempts([metering()])
    cpu, memory = one.measures[:2]
    assert (cpu.text, cpu.part) == ("1.50 of 8 vCPU on average", 0.1875)
    assert (memory.text, memory.part) == ("2.0 GiB of 16 GiB at its peak", 0.125)


def test_what_a_host_tells_besides_is_shown_by_its_unit() -> None:
    usage = {
        "start_seconds": 0.4,
        "accelerator": "kvm",
        "more": {
            "disk_written_bytes": 3 << 20,
            "steal_seconds": 1.5,
            "cpu_pressure_ratio": 0.25,
            "threads": 12.0,
        },
    }
    [one] = attempts([metering(usage=usage)])
    assert {measure.name: measure.text for measure in one.measures} == {
        "Start": "0.4s (kvm)",
        "Disk written": "3.0 MiB",
        "Steal": "1.5s",
        "Cpu pressure": "25%",
        "Threads": "12",
    }


@pytest.mark.parametrize("junk", ["x", None, True, float("nan"), float("inf"), [1], {"a": 1}])
def test_what_makes_no_sense_is_left_out(junk: object) -> None:
    usage = {"cpu_seconds": junk, "peak_memory": junk, "start_seconds": junk, "more": {"a": junk}}
    [one] = attempts([metering(usage=usage | {"accelerator": junk})])
    assert one.measures == ()
    assert advice([metering(usage=usage)]) is None


def test_nothing_ran() -> None:
    assert busy_cores(metering(ran_s=0.0)) is None


def test_a_smaller_machine_would_do() -> None:
    found = advice([metering()])
    assert found is not None
    assert found.label == "mayfly-arm64-2cpu-4gb"
    assert "1.5 of 8 vCPU" in found.why


def test_the_hungriest_attempt_counts() -> None:
    hungry = metering(2, usage={"cpu_seconds": 300.0, "peak_memory": 7 * GIB})
    found = advice([metering(1), hungry])
    assert found is not None
    assert found.label == "mayfly-arm64-4cpu-16gb"


def test_a_machine_that_was_always_busy_could_be_larger() -> None:
    found = advice([metering(usage={"cpu_seconds": 795.0, "peak_memory": 10 * GIB})])
    assert found is not None
    assert found.label == "mayfly-arm64-16cpu-16gb"


def test_the_right_size_needs_no_advice() -> None:
    usage = {"cpu_seconds": 560.0, "peak_memory": 10 * GIB}
    assert advice([metering(usage=usage)]) is None


@pytest.mark.parametrize("fields", [{"ran_s": 3.0}, {"state": JobState.FAILED}, {"usage": {}}])
def test_what_says_little_gives_no_advice(fields: dict[str, Any]) -> None:
    assert advice([metering(**fields)]) is None
