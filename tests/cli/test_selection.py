"""Which workflows run: by event, by name, by job; and the reasons of the others."""

from pathlib import Path

import pytest
from tests.cli.clones import clone

from mayfly.cli.complaints import Complaints
from mayfly.cli.request import Request, read_request
from mayfly.cli.selection import Selection, nothing_to_run, select
from mayfly.cli.sourced import SourcedProblems
from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import InvalidInput

_JOB = "{runs-on: ubuntu-latest, steps: [{run: make}]}"
WORKFLOWS = {
    "ci.yml": f"name: CI\non: [push, pull_request]\njobs: {{build: {_JOB}, test: {_JOB}}}\n",
    "docs.yml": f"on: {{push: {{branches: [docs]}}}}\njobs: {{docs: {_JOB}}}\n",
    "deploy.yml": (
        "name: Deploy it\non: {workflow_dispatch: {inputs: {where: {type: string}}}}\n"
        f"jobs: {{deploy: {_JOB}}}\n"
    ),
    "part.yml": f"on: workflow_call\njobs: {{part: {_JOB}}}\n",
}


def request(repo: Path, *workflows: str, **options: object) -> Request:
    complaints = Complaints()
    given = {
        "workflows": workflows, "repo": repo, "event": None, "event_file": None, "jobs": None,
        "arch": None, "matrix": None, "inputs": None, "variables": None, "environment": None,
        "secrets": {}, "image": None, "clean": False,
    }  # fmt: skip
    found = read_request(complaints, **(given | options))  # type: ignore[arg-type]
    complaints.raise_any()
    return found


def chosen(selection: Selection) -> dict[str, str]:
    """File name to the event it runs for."""
    return {found.workflow.file.rpartition("/")[2]: found.event.name for found in selection.chosen}


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return clone(tmp_path, WORKFLOWS)


async def test_without_names_a_push_happens(repo: Path) -> None:
    selection = await select(request(repo))
    assert chosen(selection) == {"ci.yml": "push"}
    reasons = {skipped.file.rpartition("/")[2]: skipped.reason for skipped in selection.skipped}
    assert "'main' does not match 'docs'" in reasons["docs.yml"]
    assert "only by workflow_dispatch" in reasons["deploy.yml"]


async def test_another_event_starts_others(repo: Path) -> None:
    assert chosen(await select(request(repo, event="workflow_dispatch"))) == {
        "deploy.yml": "workflow_dispatch"
    }


async def test_inputs_mean_a_manual_start(repo: Path) -> None:
    selection = await select(wanted := request(repo, inputs=["where=prod"]))
    [plan] = selection.plans(wanted, variables={}, labels={})
    assert plan.event.name == "workflow_dispatch"
    assert plan.inputs == {"where": "prod"}


@pytest.mark.parametrize(
    "name", ["deploy.yml", "deploy", "Deploy it", ".github/workflows/deploy.yml"]
)
async def test_a_named_workflow_runs_for_an_event_of_its_own(repo: Path, name: str) -> None:
    assert chosen(await select(request(repo, name))) == {"deploy.yml": "workflow_dispatch"}


async def test_a_named_workflow_runs_against_its_filters_and_says_so(repo: Path) -> None:
    selection = await select(request(repo, "docs.yml"))
    assert chosen(selection) == {"docs.yml": "push"}
    assert "does not match 'docs'" in (selection.chosen[0].note or "")


async def test_an_event_that_a_named_workflow_does_not_know_is_refused(repo: Path) -> None:
    with pytest.raises(InvalidInput, match="not started by schedule, only by push, pull_request"):
        await select(request(repo, "ci.yml", event="schedule"))


async def test_a_workflow_that_is_only_called_cannot_be_run(repo: Path) -> None:
    with pytest.raises(InvalidInput, match="only called by other workflows"):
        await select(request(repo, "part.yml"))


async def test_all_unknown_names_are_told_with_the_nearest(repo: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        await select(request(repo, "cii.yml", "deplo.yml"))
    assert "did you mean 'ci.yml'?" in caught.value.message
    assert "did you mean 'deploy.yml'?" in caught.value.message


async def test_a_job_chooses_the_workflows_that_have_it(repo: Path) -> None:
    selection = await select(request(repo, event="pull_request", jobs=["test"]))
    assert chosen(selection) == {"ci.yml": "pull_request"}
    with pytest.raises(InvalidInput, match="did you mean 'test'"):
        await select(request(repo, jobs=["tset"]))


async def test_each_workflow_gets_a_plan_for_each_leg(repo: Path) -> None:
    wanted = request(repo, "ci", "deploy", arch=["amd64,arm64"])
    plans = (await select(wanted)).plans(wanted, variables={"A": "1"}, labels={})
    assert [(plan.workflow.name, plan.architecture) for plan in plans] == [
        ("CI", Architecture.AMD64),
        ("CI", Architecture.ARM64),
        ("Deploy it", Architecture.AMD64),
        ("Deploy it", Architecture.ARM64),
    ]
    assert all(".github/workflows/part.yml" in plan.called for plan in plans)
    assert all(plan.vars == {"A": "1"} for plan in plans)


async def test_problems_of_all_files_come_with_their_lines(tmp_path: Path) -> None:
    repo = clone(tmp_path, {"a.yml": "on: push\njobz: {}\n", "b.yml": "on: pusch\njobs: {}\n"})
    with pytest.raises(SourcedProblems) as caught:
        await select(request(repo))
    problems = caught.value.problems
    assert {problem.file.rpartition("/")[2] for problem in problems} == {"a.yml", "b.yml"}
    assert caught.value.lines[".github/workflows/a.yml", 2] == "jobz: {}"


async def test_a_named_workflow_runs_beside_one_that_is_not_valid(tmp_path: Path) -> None:
    repo = clone(tmp_path, WORKFLOWS | {"bad.yml": "on: push\njobz: {}\n"})
    selection = await select(request(repo, "ci.yml"))
    assert chosen(selection) == {"ci.yml": "push"}
    assert "not valid" in selection.skipped[-1].reason
    with pytest.raises(SourcedProblems):
        await select(request(repo, "bad.yml"))


async def test_beside_valid_files_the_way_out_is_to_name_them(tmp_path: Path) -> None:
    repo = clone(tmp_path, WORKFLOWS | {"bad.yml": "on: push\njobz: {}\n"})
    with pytest.raises(SourcedProblems) as caught:
        await select(request(repo))
    assert caught.value.remedy == "mend them, or name workflows: then only those need to be valid"


async def test_nothing_to_run_gives_every_reason(tmp_path: Path) -> None:
    repo = clone(tmp_path, {"docs.yml": WORKFLOWS["docs.yml"]})
    selection = await select(wanted := request(repo))
    error = nothing_to_run(selection, wanted)
    assert "a push starts no workflow" in error.message
    assert "docs.yml: branch 'main' does not match" in (error.details or "")


async def test_a_clone_without_workflows_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="has no workflows"):
        await select(request(clone(tmp_path, {"README": "x"})))
