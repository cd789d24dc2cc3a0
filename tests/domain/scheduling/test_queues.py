"""Queues by age and priority, held against sorted lists."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.domain.scheduling.fleets import job

from mayfly.domain.scheduling import QueuedJob
from mayfly.domain.scheduling.queues import ShapeQueue

_jobs = st.builds(
    lambda number, at, priority: job(f"j{number}", at=at, priority=priority),
    st.integers(0, 30),
    st.sampled_from([0.0, 1.0, 2.0, 3.0]),
    st.integers(0, 2),
)


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), _jobs), max_size=300))
def test_the_first_is_always_the_first(changes: list[tuple[bool, QueuedJob]]) -> None:
    queue = ShapeQueue()
    there: dict[str, QueuedJob] = {}
    for add, changed in changes:
        if before := there.pop(changed.id, None):
            queue.remove(before)
        if add:
            queue.add(changed)
            there[changed.id] = changed
        assert len(queue) == len(there)
        if there:
            by_age = sorted(there.values(), key=lambda one: one.age_key)
            by_rank = sorted(there.values(), key=lambda one: one.rank_key)
            assert list(queue.by_age()) == by_age
            assert queue.oldest() is by_age[0]
            assert queue.first() is by_rank[0]
            assert [queue.before(one) for one in by_rank] == list(range(len(by_rank)))


def test_many_that_left_from_the_middle_are_forgotten() -> None:
    queue = ShapeQueue()
    jobs = [job(f"j{number:04}", at=number) for number in range(1000)]
    for one in jobs:
        queue.add(one)
    for one in jobs[1:-1]:
        queue.remove(one)
    assert [one.id for one in queue.by_age()] == ["j0000", "j0999"]
    queue.remove(jobs[0])
    assert queue.oldest().id == "j0999"
