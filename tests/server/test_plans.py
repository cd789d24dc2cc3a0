"""Plans read anew from stored text: the same each time, and as the client's own."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from tests.server.service import Service, jobs, request
from tests.virtual_time import virtual_time
from tests.workflow.simulation import FILE, STATE

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import InvalidInput, WorkflowInvalid
from mayfly.domain.labels import Requirement
from mayfly.protocol import codec
from mayfly.protocol.submission import RunRequest
from mayfly.server import plans
from mayfly.server.plans import StoredPlans, plan_of
from mayfly.workflow.contexts import RunIdentity
from mayfly.workflow.events import event_for
from mayfly.workflow.plan import advance
from mayfly.workflow.planned import RunPlan

CALLED = """\
on: {workflow_call: {inputs: {size: {type: number}}}}
jobs:
  inner:
    runs-on: mayfly
    steps: [{run: 'echo ${{ inputs.size }}'}]
"""
LOCAL, REMOTE = ".github/workflows/called.yml", "octo/shared/.github/workflows/x.yml@v1"
TEXT = f"""\
on: {{workflow_dispatch: {{inputs: {{deep: {{type: boolean}}}}}}}}
jobs:
  build:
    runs-on: ours
    strategy: {{matrix: {{os: [a, b], n: [1, 2]}}}}
    steps: [{{run: make}}, {{uses: octo/tool@v4}}]
  local:
    uses: ./{LOCAL}
    with: {{size: 3}}
  remote:
    uses: {REMOTE}
    with: {{size: 4}}
"""


def full() -> RunRequest:
    """Every field has a value that is not its default."""
    inputs = {"deep": True}
    return replace(
        request(TEXT, called={LOCAL: CALLED, REMOTE: CALLED}),
        event=event_for("workflow_dispatch", STATE, inputs=inputs),
        repository=replace(STATE, changed_files=("a", "b")),
        actions={"octo/tool@v4": "key"},
        inputs=inputs,
        secrets={"S": "secret"},
        vars={"V": "variable"},
        env={"E": "environment"},
        architecture=Architecture.ARM64,
        jobs=frozenset({"build", "local", "remote"}),
        matrix={"os": frozenset({"a"})},
        labels={"ours": Requirement(Architecture.AMD64, Decimal("1.5"), 3000, "image")},
        image="own",
    )


def test_a_request_says_all_that_a_plan_needs() -> None:
    plan = plan_of(full(), RunIdentity(3, 2, 1))
    assert plan.workflow.file == FILE
    assert set(plan.called) == {FILE, LOCAL, REMOTE}
    assert plan.run == RunIdentity(3, 2, 1)
    for name in RunRequest.__dataclass_fields__.keys() - {"file", "texts"}:
        assert getattr(plan, name) == getattr(full(), name), name
    known = advance(plan, {})
    keys = {job.key for job in known.jobs}
    assert keys == {"build (a, 1)", "build (a, 2)", "local / inner", "remote / inner"}
    build = known.jobs[0]
    assert build.requirement == Requirement(Architecture.ARM64, Decimal("1.5"), 3000, "own")
    assert build.spec is not None
    assert build.spec.actions == {"octo/tool@v4": "key"}


def test_a_request_is_the_same_after_it_was_stored() -> None:
    stored = codec.decode(RunRequest, codec.encode(full()))
    assert stored == full()
    assert plan_of(stored, RunIdentity()) == plan_of(full(), RunIdentity())


@pytest.mark.parametrize("field", ["file", "texts", "event", "repository"])
def test_a_request_that_lacks_something_is_refused(field: str) -> None:
    plain: dict[str, Any] = codec.to_plain(full())
    del plain[field]
    with pytest.raises(codec.DecodeError, match=field):
        codec.from_plain(RunRequest, plain)


@pytest.mark.parametrize("file", [LOCAL, REMOTE])
def test_what_is_wrong_with_a_called_workflow_has_its_place(file: str) -> None:
    wrong = request(TEXT, called={file: "on: workflow_call\njobs:\n  a: {stepz: []}\n"})
    with pytest.raises(WorkflowInvalid) as refused:
        plan_of(wrong, RunIdentity())
    assert {problem.file for problem in refused.value.problems} == {file}


def test_only_workflows_of_repositories_can_be_called() -> None:
    with pytest.raises(InvalidInput):
        plan_of(request(jobs("a"), called={"x@y": CALLED}), RunIdentity())


@virtual_time
async def test_runs_whose_plans_were_forgotten_go_on_as_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plans, "_KEPT", 1)
    service = Service()
    session = await service.host()
    text = jobs("a") + "  b:\n    needs: a\n    runs-on: mayfly\n    steps: [{run: make}]\n"
    runs = await service.submit(text, text, text)
    for _ in range(6):
        await service.finish(session, await service.given(session))
    for run in runs:
        assert (await service.run(run)).conclusion is not None


@virtual_time
async def test_plans_that_are_looked_at_are_kept_and_others_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plans, "_KEPT", 2)
    service = Service()
    runs = [await service.run(run) for run in await service.submit(*[jobs("a")] * 3)]
    known = StoredPlans()

    async def plan(number: int) -> RunPlan:
        return await service.serial(lambda tx: known.plan(tx, runs[number]))

    first = await plan(0)
    assert await plan(0) is first
    await plan(1)
    assert await plan(0) is first
    await plan(2)  # the second was looked at least lately
    assert await plan(0) is first
    await plan(1)
    await plan(2)
    anew = await plan(0)
    assert anew is not first
    assert anew == first
