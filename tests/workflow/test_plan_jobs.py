"""One planned job: what it asks for, its specification, and why it may be rejected."""

from decimal import Decimal

import pytest
from tests.workflow.simulation import FAILURE, SKIPPED, SUCCESS, Run, jobs, workflow

from mayfly.domain.architecture import Architecture
from mayfly.domain.labels import Requirement
from mayfly.workflow.plan import unknown_jobs

BUILD = """
    on: push
    env: {SHARED: "${{ github.ref_name }}", WHO: workflow}
    defaults: {run: {shell: bash, working-directory: src}}
    jobs:
      build:
        name: Build it
        runs-on: mayfly-arm64-4cpu-8gb
        timeout-minutes: 15
        environment: {name: prod, url: "${{ steps.x.outputs.url }}"}
        env: {WHO: job, SECRET: "${{ secrets.KEY }}", HERE: "${{ github.job }}"}
        defaults: {run: {working-directory: "${{ env.WHO }}"}}
        outputs: {v: "${{ steps.x.outputs.v }}"}
        steps:
          - run: echo ${{ github.sha }}
"""


def test_the_specification_of_a_job() -> None:
    run = Run(BUILD, secrets={"KEY": "top\nsecret"}, vars={"V": "1"})
    planned = run.job("build")
    assert planned.requirement == Requirement(Architecture.ARM64, Decimal(4), 8192)
    assert (planned.name, planned.environment, planned.timeout_minutes) == ("Build it", "prod", 15)
    spec = run.spec("build")
    assert spec.env == {
        "SHARED": "main",
        "WHO": "job",
        "SECRET": "top\nsecret",
        "HERE": "build",
    }
    assert (spec.default_shell, spec.default_working_directory) == ("bash", "job")
    assert spec.outputs == {"v": "${{ steps.x.outputs.v }}"}
    assert spec.environment_url == "${{ steps.x.outputs.url }}"
    assert spec.steps[0].run == "echo ${{ github.sha }}"
    assert spec.timeout_minutes == 15
    assert spec.masks == ("top\nsecret", "top", "secret")
    assert spec.repository == "octo/hello"
    assert spec.contexts["github"]["job"] == "build"
    assert spec.contexts["secrets"] == {"GITHUB_TOKEN": "", "KEY": "top\nsecret"}
    assert spec.contexts["vars"] == {"V": "1"}
    assert spec.contexts["runner"]["arch"] == "ARM64"
    assert spec.contexts["matrix"] is None


def test_a_token_that_is_given_reaches_both_places() -> None:
    contexts = Run(BUILD, secrets={"GITHUB_TOKEN": "t"}).spec("build").contexts
    assert contexts["github"]["token"] == "t"
    assert contexts["secrets"]["GITHUB_TOKEN"] == "t"


def test_the_environment_of_the_command_line_wins() -> None:
    spec = Run(BUILD, env={"WHO": "me", "NEW": "1"}).spec("build")
    assert spec.env["WHO"] == "me"
    assert spec.env["NEW"] == "1"


def test_a_leg_puts_every_job_on_its_architecture() -> None:
    run = Run(BUILD, architecture=Architecture.AMD64, image="fedora")
    assert run.job("build").requirement == Requirement(
        Architecture.AMD64, Decimal(4), 8192, "fedora"
    )
    assert run.spec("build").contexts["runner"]["arch"] == "X64"


def test_any_architecture_is_left_open() -> None:
    run = Run(jobs("a:\n  runs-on: mayfly-any\n  steps: [{run: x}]"))
    requirement = run.job("a").requirement
    assert requirement is not None
    assert requirement.architecture is None
    assert "arch" not in run.spec("a").contexts["runner"]


@pytest.mark.parametrize(
    ("runs_on", "labels"),
    [
        ("[self-hosted, linux, arm64]", ("self-hosted", "linux", "arm64")),
        ("{group: pool, labels: mayfly-arm64}", ("mayfly-arm64",)),
        ("{labels: [self-hosted, arm64]}", ("self-hosted", "arm64")),
        ('${{ fromJSON(\'["self-hosted", "arm64"]\') }}', ("self-hosted", "arm64")),
        ("${{ vars.RUNNER || 'mayfly-arm64' }}", ("mayfly-arm64",)),
    ],
)
def test_forms_of_runs_on(runs_on: str, labels: tuple[str, ...]) -> None:
    run = Run(jobs(f"a:\n  runs-on: {runs_on}\n  steps: [{{run: x}}]"))
    assert run.job("a").runs_on == labels
    requirement = run.job("a").requirement
    assert requirement is not None
    assert requirement.architecture is Architecture.ARM64


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("runs-on: mayfly-arm46", "unknown label 'mayfly-arm46'; did you mean 'mayfly-arm64'?"),
        ("runs-on: ${{ vars.NOTHING }}", "names no machine to run on"),
        ("runs-on: ${{ fromJSON('[') }}", "runs-on: "),
        ("runs-on: mayfly\n  timeout-minutes: ${{ vars.T }}", "timeout-minutes: ''"),
        ("runs-on: mayfly\n  continue-on-error: ${{ 'x' }}", "neither true nor false"),
        ("runs-on: mayfly\n  name: ${{ fromJSON('[') }}", "name: "),
        ("runs-on: mayfly\n  env: {A: \"${{ fromJSON('[') }}\"}", "env.A: "),
        ("runs-on: mayfly\n  if: fromJSON('[')", "if: "),
        ("runs-on: mayfly\n  container: node", "job containers are not supported yet"),
        ("runs-on: mayfly\n  services: {db: {image: x}}", "service containers are not supported"),
    ],
)
def test_a_job_that_cannot_run_is_rejected_and_the_others_go_on(lines: str, reason: str) -> None:
    text = jobs(f"bad:\n  {lines}\n  steps: [{{run: x}}]\ngood:\n  STEPS")
    run = Run(text)
    bad = run.job("bad")
    assert bad.state.value == "rejected"
    assert reason in (bad.reason or "")
    assert ".github/workflows/ci.yml:" in (bad.reason or "")
    assert bad.conclusion is FAILURE
    assert run.ready == {"good"}
    assert run.finish() is FAILURE


def test_a_job_that_waits_is_rejected_at_once_and_stays_so() -> None:
    text = jobs("a:\n  STEPS\nb:\n  needs: a\n  runs-on: nothing\n  steps: [{run: x}]")
    run = Run(text)
    assert run.states == {"a": "ready", "b": "rejected"}
    assert run.now.finished is None
    run.end("a", FAILURE)
    assert run.states["b"] == "rejected"
    assert run.now.finished is FAILURE


def test_a_job_that_will_not_run_is_not_rejected() -> None:
    text = jobs("a:\n  if: false\n  runs-on: nothing\n  container: x\n  steps: [{run: x}]")
    assert Run(text).states == {"a": "skipped"}


def test_a_job_whose_condition_is_open_is_rejected_when_it_would_run() -> None:
    text = jobs("a:\n  STEPS\nb:\n  needs: a\n  if: failure()\n  runs-on: x\n  steps: [{run: x}]")
    run = Run(text)
    assert run.states["b"] == "blocked"
    run.end("a", FAILURE)
    assert run.states["b"] == "rejected"


def test_a_job_for_another_system_is_rejected_and_counts_as_skipped() -> None:
    text = jobs("mac:\n  runs-on: macos-14\n  steps: [{run: x}]\nlinux:\n  STEPS")
    run = Run(text)
    assert run.job("mac").state.value == "rejected"
    assert run.job("mac").reason == "'macos-14' is macOS; Mayfly runs Linux jobs"
    assert run.job("mac").conclusion is SKIPPED
    assert run.finish() is SUCCESS


def test_a_job_for_another_system_is_not_told_what_else_is_missing() -> None:
    text = jobs("mac:\n  runs-on: macos-14\n  container: x\n  steps: [{run: x}]")
    assert Run(text).job("mac").conclusion is SKIPPED


def test_all_reasons_are_given_at_once() -> None:
    text = jobs("a:\n  runs-on: nope\n  container: x\n  steps: [{uses: actions/cache@v4}]")
    reason = Run(text).job("a").reason or ""
    assert all(part in reason for part in ("unknown label", "containers", "caches"))


def test_who_needs_a_rejected_job_is_told_so() -> None:
    text = jobs("a:\n  runs-on: nope\n  steps: [{run: x}]\nb:\n  needs: a\n  STEPS")
    assert Run(text).job("b").reason == "it needs a, which was rejected"


def test_labels_of_the_configuration() -> None:
    huge = Requirement(Architecture.ARM64, Decimal(64), 65536)
    text = jobs("a:\n  runs-on: huge\n  steps: [{run: x}]")
    assert Run(text, labels={"huge": huge}).job("a").requirement == huge


CONCURRENT = """
    on: push
    concurrency: {group: "${{ github.workflow }}-${{ github.ref }}", cancel-in-progress: true}
    jobs:
      a:
        concurrency: deploy
        runs-on: mayfly
        steps: [{run: make}]
"""


def test_concurrency_of_a_run_and_a_job() -> None:
    run = Run(CONCURRENT)
    group = run.now.concurrency
    assert group is not None
    assert group.group == ".github/workflows/ci.yml-refs/heads/main"
    assert (group.cancel_in_progress, group.holder) == (True, "")
    [inner] = run.job("a").concurrency
    assert (inner.group, inner.cancel_in_progress, inner.holder) == ("deploy", False, "a")


def test_legs_have_groups_of_their_own() -> None:
    run = Run(CONCURRENT, architecture=Architecture.ARM64)
    assert [group.group for group in run.job("a").concurrency] == ["deploy@arm64"]


def test_unknown_jobs_are_named_with_the_nearest() -> None:
    flows = [workflow(BUILD)]
    assert unknown_jobs(flows, ["build"]) is None
    error = unknown_jobs(flows, ["biuld", "zzz"])
    assert error is not None
    assert "no workflow has a job 'biuld'; did you mean 'build'?" in error.message
    assert "no workflow has a job 'zzz'" in error.message
