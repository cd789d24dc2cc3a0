"""The end of fork bombs, without real time."""

from mayfly.runner.loop import Loop
from mayfly.runner.watchdog import Watchdog


class Group:
    def __init__(self) -> None:
        self.count = 0

    def refusals(self) -> int:
        return self.count


def ends_of(refusals: list[int]) -> int:
    """How often the watchdog ends the job, given how many forks are refused in each period."""
    group, ends = Group(), []
    loop = Loop()
    watchdog = Watchdog(loop, group, lambda: ends.append(1))
    for count in refusals:
        group.count += count
        watchdog.look()
    watchdog.stop()
    loop.close()
    return len(ends)


def test_a_job_at_its_bound_for_long_is_ended_once_each_time() -> None:
    assert ends_of([900, 1, 3, 4]) == 0
    assert ends_of([900, 1, 3, 4, 2]) == 1
    assert ends_of([1] * 9) == 1
    assert ends_of([1] * 10) == 2


def test_refusals_now_and_then_are_the_jobs_own_business() -> None:
    assert ends_of([900, 1, 0, 4, 2, 0, 0, 9, 9, 9, 9]) == 0
