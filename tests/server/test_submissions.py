"""Native runs: begun all or not at all, numbered, their secrets sealed, and run again."""

import asyncio
import dataclasses
import json
from dataclasses import replace
from typing import Any

import pytest
from tests.server.service import PROJECT, Service, entries, jobs, request, submission
from tests.virtual_time import virtual_time
from tests.workflow.simulation import FILE, STATE

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import InvalidInput, WorkflowInvalid
from mayfly.domain.events import RunRef
from mayfly.domain.job import Conclusion, JobState
from mayfly.protocol import codec
from mayfly.protocol.submission import RunRequest
from mayfly.server.refusals import Conflict
from mayfly.server.submissions import MAX_RUNS
from mayfly.server.uploads import UploadGone
from mayfly.store.people import SecretRow, VariableRow
from mayfly.store.rows import CounterRow, JobRow, ProjectRow, RequestRow, RunKind, RunRow, UploadRow
from mayfly.store.schema import ALL_ROWS

SUCCEEDED, FAILED = JobState.SUCCEEDED, JobState.FAILED


@pytest.fixture
def service() -> Service:
    return Service()


# --- all or nothing ------------------------------------------------------------------------------


@virtual_time
async def test_runs_are_what_was_asked_for(service: Service) -> None:
    await service.put(ProjectRow(id=PROJECT, priority=3))
    named = request("run-name: Hello\n" + jobs("a"), architecture=Architecture.ARM64)
    wanted = submission(named, request(jobs("b"), "other.yml"), fit=True, actions={"k": "1" * 64})
    await service.sources(wanted)
    begun = await service.serial(lambda tx: service.submissions.begin(tx, PROJECT, wanted, "mona"))
    first, second = [await service.run(run) for run in begun.runs]
    assert (first.ref, first.name) == (RunRef(FILE, Architecture.ARM64), "Hello")
    assert (second.ref, second.name) == (RunRef("other.yml"), "other.yml")
    for run in (first, second):
        assert (run.submission, run.actor, run.event) == (begun.id, "mona", "push")
        assert (run.branch, run.sha, run.priority) == ("main", STATE.sha, 3)
        assert (run.fit, run.source, run.actions) == (True, "0" * 64, {"k": "1" * 64})
        assert (run.created, run.attempt, run.kind) == (service.now(), 1, RunKind.NATIVE)
    assert await service.states(first.id) == {"a": JobState.QUEUED}
    assert (await service.job(first.id, "a")).priority == 3


WRONG: list[tuple[RunRequest, str]] = [
    (request("on: push\njobs:\n  a:\n    runs-on: mayfly\n    stepz: []\n"), "stepz"),
    (request("on: [push\n"), ":"),
    (replace(request(jobs("a")), texts={}), f"lacks the text of {FILE}"),
    (replace(request(jobs("a")), inputs={"x": "1"}), "takes no inputs on push"),
    (request(jobs("a"), called={"o/r/x.yml@v1": "on: push\njobs: 7\n"}), "jobs"),
    (request("concurrency: '${{ nope.x }}'\n" + jobs("a")), "nope"),
]


@pytest.mark.parametrize(("wrong", "why"), WRONG)
@pytest.mark.parametrize("place", [0, 2])
def test_one_wrong_run_of_several_begins_none(wrong: RunRequest, why: str, place: int) -> None:
    @virtual_time
    async def check() -> None:
        service = Service()
        runs = [request(jobs("a")), request(jobs("b"))]
        runs.insert(place, wrong)
        with pytest.raises(InvalidInput, match=why):
            await service.submit(*runs)
        kinds = (RunRow, JobRow, RequestRow, CounterRow)
        counts = await service.read(lambda view: [view.count(kind) for kind in kinds])
        assert counts == [0, 0, 0, 0]

    check()


def test_invalid_text_is_refused_with_its_places() -> None:
    text = "on: push\njobs:\n  a:\n    runs-on: mayfly\n    stepz: []\n"

    async def check() -> None:
        service = Service()
        await service.put(ProjectRow(id=PROJECT))
        await service.sources(submission(text))
        with pytest.raises(WorkflowInvalid):
            await service.submissions.check(submission(text))
        with pytest.raises(WorkflowInvalid) as refused:
            await service.submissions.submit(PROJECT, submission(text), "mona")
        places = [(problem.file, problem.line) for problem in refused.value.problems]
        assert (FILE, 5) in places
        begun = await service.submissions.submit(PROJECT, submission(jobs("a")), "mona")
        assert len(begun.runs) == 1

    asyncio.run(check())


@pytest.mark.parametrize("count", [0, MAX_RUNS + 1])
def test_a_submission_has_so_many_runs(count: int) -> None:
    async def check() -> None:
        service = Service()
        wanted = submission(*[request(jobs("a"))] * count)
        with pytest.raises(InvalidInput, match=f"1 to {MAX_RUNS} runs"):
            await service.submissions.check(wanted)

    asyncio.run(check())


@virtual_time
async def test_nobody_submits_to_a_project_that_is_not_there(service: Service) -> None:
    wanted = submission(jobs("a"))
    with pytest.raises(InvalidInput, match="there is no project 'x/y' here"):
        await service.serial(lambda tx: service.submissions.begin(tx, "x/y", wanted, "mona"))


@virtual_time
async def test_runs_are_numbered_each_by_its_workflow(service: Service) -> None:
    one, two = request(jobs("a"), "1.yml"), request(jobs("a"), "2.yml")
    runs = await service.submit(one, two, one)
    with pytest.raises(InvalidInput):
        await service.submit(one, WRONG[0][0])
    runs += await service.submit(one, id="octo/other")
    runs += await service.submit(two)
    numbers = [((row := await service.run(run)).serial, row.number) for run in runs]
    assert numbers == [(1, 1), (2, 1), (3, 2), (4, 1), (5, 2)]


@virtual_time
async def test_jobs_see_the_numbers_of_their_run(service: Service) -> None:
    text = jobs("a", env="{N: '${{ github.run_number }}.${{ github.run_attempt }}'}")
    [_, run] = await service.submit(text, text)
    spec = await service.spec(run, "a")
    assert spec.env["N"] == "2.1"


# --- secrets -------------------------------------------------------------------------------------

SECRET = "correct horse battery staple"
SECRETIVE = jobs("a", env="{T: '${{ secrets.TOKEN }}', V: '${{ vars.PLACE }}'}")


def unsealed(row: Any) -> str:
    """All of a row that is written down as it is."""
    fields = [field for field in dataclasses.fields(row) if not field.metadata.get("sealed")]
    return json.dumps({field.name: codec.to_plain(getattr(row, field.name)) for field in fields})


@virtual_time
async def test_secrets_are_in_sealed_fields_only(service: Service) -> None:
    await service.put(
        ProjectRow(id=PROJECT),
        SecretRow(id="s", project=PROJECT, name="OTHER", value=SECRET, updated=0.0),
    )
    [run] = await service.submit(request(SECRETIVE, secrets={"TOKEN": SECRET}))
    session = await service.host()
    lease = await service.given(session)
    assert (await service.hosts.hand_over(session, lease)).env["T"] == SECRET
    await service.finish(session, lease)
    found = await service.read(lambda view: [row for kind in ALL_ROWS for row in view.find(kind)])
    assert {RunRow, RequestRow, JobRow, SecretRow} <= {type(row) for row in found}
    assert [row for row in found if SECRET in unsealed(row)] == []
    assert SECRET not in repr(await service.events(run))


@virtual_time
async def test_what_a_run_brings_counts_more_than_what_its_project_has(service: Service) -> None:
    await service.put(
        ProjectRow(id=PROJECT),
        ProjectRow(id="octo/other"),
        SecretRow(id="1", project=PROJECT, name="TOKEN", value="theirs", updated=0.0),
        SecretRow(id="2", project="octo/other", name="TOKEN", value="foreign", updated=0.0),
        VariableRow(id="1", project=PROJECT, name="PLACE", value="here", updated=0.0),
    )
    plain, own = await service.submit(SECRETIVE, request(SECRETIVE, secrets={"TOKEN": "mine"}))
    values = []
    for run in (plain, own):
        spec = await service.spec(run, "a")
        values.append((spec.env["T"], spec.env["V"]))
    assert values == [("theirs", "here"), ("mine", "here")]


# --- again ---------------------------------------------------------------------------------------

DIAMOND = (
    jobs("base", outputs='{names: \'["x","y"]\'}')
    + entries(
        "each",
        needs="base",
        strategy="{fail-fast: false, matrix: {n: '${{ fromJSON(needs.base.outputs.names) }}'}}",
    )
    + entries("alone")
    + entries("always", needs="each", **{"if": "always()"})
    + entries("last", needs="each")
)


async def run_through(service: Service, session: str, *failing: str, **outputs: str) -> list[str]:
    """All that can run runs; gives the keys in order. `outputs` are those of each job."""
    ran = []
    while found := await service.claim(session):
        key = (await service.row(found.lease)).planned.key
        ran.append(key)
        state = FAILED if key in failing else SUCCEEDED
        await service.finish(session, found.lease, state, outputs=outputs)
    return ran


async def again(service: Service, run: str, **options: Any) -> str:
    row = await service.run(run)
    return await service.serial(lambda tx: service.submissions.again(tx, row, "lisa", **options))


NAMES = '["x","y"]'


@virtual_time
async def test_what_succeeded_stays_so_with_its_outputs(service: Service) -> None:
    session = await service.host()
    [run] = await service.submit(DIAMOND)
    ran = await run_through(service, session, "each (y)", names=NAMES)
    assert set(ran) == {"base", "alone", "each (x)", "each (y)", "always"}
    assert (await service.states(run))["last"] is JobState.SKIPPED
    await asyncio.sleep(100)
    second = await again(service, run)
    row, before = await service.run(second), await service.run(run)
    assert (row.attempt, row.serial, row.number) == (2, before.serial, before.number)
    assert (row.actor, row.created, row.conclusion) == ("lisa", service.now(), None)
    kept = await service.job(second, "base")
    assert (kept.state, kept.outputs) == (SUCCEEDED, {"names": NAMES})
    assert (await service.job(second, "each (x)")).state is SUCCEEDED
    # What needs the failed one runs again with it, though it succeeded.
    first, *others = await run_through(service, session)
    assert (first, set(others)) == ("each (y)", {"always", "last"})
    assert set((await service.states(second)).values()) == {SUCCEEDED}
    assert (await service.run(second)).conclusion is Conclusion.SUCCESS
    assert (await service.run(run)) == before


@virtual_time
async def test_all_of_it_may_run_again(service: Service) -> None:
    session = await service.host()
    [run] = await service.submit(DIAMOND)
    await run_through(service, session, names=NAMES)
    second = await again(service, run, failed_only=False)
    ran = await run_through(service, session, names=NAMES)
    assert set(ran) == {"base", "alone", "each (x)", "each (y)", "always", "last"}
    assert (await service.run(second)).conclusion is Conclusion.SUCCESS


@virtual_time
async def test_a_cancelled_run_goes_on_where_it_was(service: Service) -> None:
    session = await service.host()
    [run] = await service.submit(jobs("a") + entries("b", needs="a"))
    await service.finish(session, await service.given(session))
    await service.cancel(run)
    second = await again(service, run)
    assert (await service.run(second)).cancelled is None
    assert await run_through(service, session) == ["b"]


@virtual_time
async def test_there_must_be_something_to_run_again(service: Service) -> None:
    session = await service.host()
    [run] = await service.submit(jobs("a") + entries("never", **{"if": "failure()"}))
    with pytest.raises(InvalidInput, match="is not over"):
        await again(service, run)
    await run_through(service, session)
    with pytest.raises(InvalidInput, match=f"nothing of run {run} failed"):
        await again(service, run)
    await service.put(replace(await service.run(run), kind=RunKind.GITHUB))
    with pytest.raises(InvalidInput, match="belongs to its forge"):
        await again(service, run, failed_only=False)
    assert await service.read(lambda view: view.count(RunRow)) == 1


@virtual_time
async def test_another_attempt_is_told_its_number(service: Service) -> None:
    session = await service.host()
    [run] = await service.submit(jobs("a", env="{N: '${{ github.run_attempt }}'}"))
    await run_through(service, session, "a")
    second = await again(service, run)
    spec = await service.spec(second, "a")
    assert spec.env["N"] == "2"


@virtual_time
async def test_each_attempt_has_a_number_of_its_own(service: Service) -> None:
    [run] = await service.submit(jobs("a"))
    await cancelled(service, run)
    attempts = []
    for _ in range(2):  # the first attempt, both times
        new = await again(service, run, failed_only=False)
        attempts.append((await service.run(new)).attempt)
        await cancelled(service, new)
    assert attempts == [2, 3]


async def cancelled(service: Service, run: str) -> None:
    await service.serial(lambda tx: service.orchestrator.cancel_run(tx, run, "by lisa"))


# --- how many, and of what -----------------------------------------------------------------------

FULL = f"{PROJECT} may have 3 jobs that wait or run, and would have more"


@virtual_time
async def test_a_project_has_so_many_unfinished_jobs_and_no_more(service: Service) -> None:
    session = await service.host()
    [run] = await service.submit(jobs("a") + entries("b", needs="a"), quota_unfinished=3)
    with pytest.raises(Conflict, match=FULL) as refused:
        await service.submit(jobs("c", "d"))
    assert "quota of unfinished jobs" in (refused.value.remedy or "")
    assert await service.read(lambda view: (view.count(RunRow), view.count(RequestRow))) == (1, 1)
    await service.submit(jobs("c"))
    with pytest.raises(Conflict, match=FULL):
        await service.submit(jobs("d"))
    await service.submit(jobs("d"), id="octo/other")
    await service.finish(session, await service.given(session))
    assert set((await service.states(run)).values()) == {SUCCEEDED, JobState.QUEUED}
    await service.submit(jobs("d"))


@virtual_time
async def test_runs_of_one_submission_count_together(service: Service) -> None:
    with pytest.raises(Conflict, match=FULL):
        await service.submit(jobs("a", "b"), jobs("c", "d"), quota_unfinished=3)
    assert await service.read(lambda view: view.count(RunRow)) == 0
    await service.submit(jobs("a", "b"), jobs("c"))


@virtual_time
async def test_a_project_without_that_quota_has_any_number(service: Service) -> None:
    await service.submit(*[jobs("a", "b")] * 20, quota_unfinished=None)
    assert await service.read(lambda view: view.count(JobRow)) == 40


@virtual_time
async def test_what_is_run_again_counts_but_for_what_succeeded(service: Service) -> None:
    session = await service.host()
    [run] = await service.submit(jobs("a", "b"), quota_unfinished=3)
    await run_through(service, session, "a")
    others = await service.submit(jobs("c", "d", "e"))
    with pytest.raises(Conflict, match=FULL):
        await again(service, run)
    await cancelled(service, others[0])
    await service.submit(jobs("c", "d"))
    with pytest.raises(Conflict, match=FULL):
        await again(service, run, failed_only=False)
    await again(service, run)


@virtual_time
async def test_jobs_that_a_run_gets_later_are_not_refused(service: Service) -> None:
    session = await service.host()
    [run] = await service.submit(DIAMOND, quota_unfinished=5)
    await run_through(service, session, names='["1","2","3","4","5","6"]')
    assert (await service.run(run)).conclusion is Conclusion.SUCCESS


@virtual_time
async def test_what_is_not_there_cannot_be_run(service: Service) -> None:
    await service.put(ProjectRow(id=PROJECT))
    wanted = submission(jobs("a"), source="1" * 64)
    with pytest.raises(UploadGone, match="is not there"):
        await service.serial(lambda tx: service.submissions.begin(tx, PROJECT, wanted, "mona"))
    assert await service.read(lambda view: view.count(RunRow)) == 0


@virtual_time
async def test_a_run_cannot_be_run_again_once_its_source_is_gone(service: Service) -> None:
    [run] = await service.submit(jobs("a"))
    await cancelled(service, run)
    await service.serial(lambda tx: tx.delete(UploadRow, "0" * 64))
    with pytest.raises(UploadGone, match=f"what run {run} checked out is kept no longer") as gone:
        await again(service, run)
    assert "send the clone again" in (gone.value.remedy or "")
    assert await service.read(lambda view: view.count(RunRow)) == 1


@virtual_time
async def test_runs_and_attempts_use_their_source_anew(service: Service) -> None:
    [run] = await service.submit(jobs("a"))
    await cancelled(service, run)
    await asyncio.sleep(1000)
    await again(service, run)
    [row] = await service.read(lambda view: view.find(UploadRow))
    assert row.used == service.now()
