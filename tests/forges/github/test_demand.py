"""How many machines for how many jobs, checked against what must hold in any state."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mayfly.forges.github.demand import (
    IDLE_PATIENCE,
    Place,
    Stage,
    Waiting,
    balance,
    pool,
    taken_place,
)
from mayfly.forges.github.model import Job, Scope, Status

ORG = Scope("octo-org")
ARM = pool(ORG, ["self-hosted", "Mayfly-arm64"])
AMD = pool(ORG, ["self-hosted", "mayfly-amd64"])
NOW = 10_000.0


def job(id_: int, since: float = 0.0, where: object = ARM) -> Waiting:
    assert where in {ARM, AMD}
    return Waiting((id_, 1), ARM if where is ARM else AMD, since)


def place(id_: str, stage: Stage, made_for: int, since: float = NOW) -> Place:
    return Place(id_, ARM, stage, (made_for, 1), since)


def test_labels_are_compared_without_regard_to_case_and_order() -> None:
    assert pool(ORG, ["MAYFLY-arm64", "self-hosted"]) == ARM
    assert pool(Scope("octo-org", "hello"), ["self-hosted", "mayfly-arm64"]) != ARM


def test_each_waiting_job_gets_a_place_the_longest_waiting_first() -> None:
    plan = balance([job(1, 5), job(2, 3), job(3, 4)], [], NOW)
    assert [each.key[0] for each in plan.make] == [2, 3, 1]
    assert plan.give_up == ()


def test_jobs_with_a_place_get_no_second_one() -> None:
    plan = balance([job(1), job(2)], [place("a", Stage.STARTING, 1)], NOW)
    assert [each.key[0] for each in plan.make] == [2]


def test_a_stolen_place_is_made_up_for() -> None:
    """A stranger's job took the runner made for job 1, which still waits."""
    plan = balance([job(1)], [place("a", Stage.WORKING, 1)], NOW)
    assert [each.key[0] for each in plan.make] == [1]


def test_two_of_ours_that_swap_runners_need_nothing() -> None:
    """Job 2 took the runner of job 1; its own serves job 1."""
    places = [place("a", Stage.WORKING, 1), place("b", Stage.LISTENING, 2)]
    assert balance([job(1)], places, NOW) == balance([], [], NOW)


def test_what_nobody_waits_for_is_given_up_but_listeners_only_after_their_patience() -> None:
    places = [
        place("queued", Stage.QUEUED, 1),
        place("starting", Stage.STARTING, 2),
        place("fresh", Stage.LISTENING, 3, NOW - IDLE_PATIENCE + 1),
        place("idle", Stage.LISTENING, 4, NOW - IDLE_PATIENCE),
        place("working", Stage.WORKING, 5, 0.0),
    ]
    assert balance([], places, NOW).give_up == ("idle", "queued", "starting")


def test_the_least_advanced_place_goes_first_and_that_of_a_waiting_job_last() -> None:
    places = [
        place("idle", Stage.LISTENING, 1, 0.0),
        place("gone", Stage.QUEUED, 2),
        place("wanted", Stage.QUEUED, 3),
    ]
    assert balance([job(3), job(4)], places, NOW).give_up == ("gone",)


def test_other_labels_are_other_machines() -> None:
    plan = balance([job(1, where=AMD)], [place("a", Stage.QUEUED, 1)], NOW)
    assert [each.pool for each in plan.make] == [AMD]
    assert plan.give_up == ("a",)


jobs = st.lists(
    st.builds(
        Waiting,
        st.tuples(st.integers(1, 9), st.just(1)),
        st.sampled_from([ARM, AMD]),
        st.floats(0, NOW),
    ),
    unique_by=lambda each: each.key,
)
places = st.lists(
    st.builds(
        Place,
        st.uuids().map(str),
        st.sampled_from([ARM, AMD]),
        st.sampled_from(Stage),
        st.tuples(st.integers(1, 9), st.just(1)),
        st.floats(0, NOW),
    )
)


@given(jobs, places)
def test_after_a_plan_there_is_one_free_place_for_each_job_or_listeners_too_many(
    waiting: list[Waiting], there: list[Place]
) -> None:
    plan = balance(waiting, there, NOW)
    working = {each.id for each in there if each.stage is Stage.WORKING}
    assert not working & set(plan.give_up)
    assert len({each.key for each in plan.make}) == len(plan.make)
    left = [each for each in there if each.id not in plan.give_up]
    left += [Place(f"new {each.key}", each.pool, Stage.QUEUED, each.key, NOW) for each in plan.make]
    for which in (ARM, AMD):
        wanted = sum(each.pool == which for each in waiting)
        free = [each for each in left if each.pool == which and each.stage is not Stage.WORKING]
        assert len(free) >= wanted
        if len(free) > wanted:
            assert not any(each.pool == which for each in plan.make)
            assert all(each.stage is Stage.LISTENING for each in free)
            assert all(NOW - each.since < IDLE_PATIENCE for each in free)
    assert balance(waiting, left, NOW) == replace(plan, make=(), give_up=())


def running(runner_id: int | None, name: str | None) -> Job:
    return Job(
        id=1,
        run_id=1,
        run_attempt=1,
        status=Status.IN_PROGRESS,
        conclusion=None,
        name="build",
        workflow=None,
        head_branch=None,
        head_sha="",
        labels=(),
        runner_id=runner_id,
        runner_name=name,
        created_at=None,
        started_at=None,
        completed_at=None,
    )


def test_a_job_is_bound_by_the_runner_it_got() -> None:
    by_runner, by_name = {7: "place a"}, {"mayfly7-b-1": "place b"}
    assert taken_place(running(7, "anything"), by_runner, by_name) == "place a"
    assert taken_place(running(8, "mayfly7-b-1"), by_runner, by_name) == "place b"
    assert taken_place(running(8, "other"), by_runner, by_name) is None
    assert taken_place(running(None, None), by_runner, by_name) is None
