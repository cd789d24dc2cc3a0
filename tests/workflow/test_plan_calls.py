"""Reusable workflows: inputs, secrets, outputs, nesting, and calls that cannot be."""

from typing import Any

import pytest
from tests.workflow.simulation import CANCELLED, FAILURE, SUCCESS, Run, jobs

from mayfly.domain.errors import InvalidInput
from mayfly.workflow.planned import EnvironmentValues

DEPLOY = ".github/workflows/deploy.yml"
DEPLOY_TEXT = """
    on:
      workflow_call:
        inputs:
          target: {type: string, required: true}
          fast: {type: boolean}
          ref: {type: string, default: "${{ github.ref_name }}"}
        secrets:
          key: {required: true}
        outputs:
          url: {value: "${{ jobs.push.outputs.url }}"}
    env: {TARGET: "${{ inputs.target }}"}
    jobs:
      build:
        runs-on: mayfly
        steps: [{run: make}]
      push:
        name: Push to ${{ inputs.target }}
        needs: build
        runs-on: mayfly
        env: {KEY: "${{ secrets.KEY }}"}
        steps: [{run: make push}]
"""
CALLER = jobs(
    """
    test:
      STEPS
    deploy:
      name: Deploy
      needs: test
      uses: ./.github/workflows/deploy.yml
      with: {target: prod}
      secrets: {key: "${{ secrets.PROD }}"}
    done:
      needs: deploy
      STEPS
    """
)


def call(text: str = CALLER, deploy: str = DEPLOY_TEXT, **options: Any) -> Run:
    return Run(text, called={DEPLOY: deploy}, **options)


def test_the_jobs_of_a_call_are_part_of_the_run() -> None:
    run = call()
    assert run.states == {
        "test": "ready",
        "deploy / build": "blocked",
        "deploy / push": "blocked",
        "done": "blocked",
    }
    assert run.job("deploy / build").reason == "waits for test"
    assert run.job("deploy / build").needs == ("test",)
    assert run.job("deploy / push").needs == ("deploy / build",)
    assert run.job("deploy / push").name == "Deploy / Push to prod"
    run.end("test")
    assert run.ready == {"deploy / build"}
    assert run.finish() is SUCCESS


def test_what_a_called_job_sees() -> None:
    run = call(secrets={"PROD": "p", "OTHER": "o"})
    run.end("test")
    run.end("deploy / build")
    spec = run.spec("deploy / push")
    assert spec.contexts["inputs"] == {"target": "prod", "fast": False, "ref": "main"}
    assert spec.contexts["secrets"] == {"GITHUB_TOKEN": "", "key": "p"}
    assert spec.contexts["github"]["job"] == "push"
    assert set(spec.contexts["needs"]) == {"build"}
    assert spec.env == {"TARGET": "prod", "KEY": "p"}
    assert set(spec.masks) == {"p", "o"}


def test_a_called_job_gets_what_its_environment_gives_over_what_its_caller_does() -> None:
    given = EnvironmentValues({"KEY": "of prod"}, {"PLACE": "prod"})
    text = DEPLOY_TEXT.replace("needs: build", "needs: build\n        environment: Prod")
    run = call(deploy=text, secrets={"PROD": "p"}, environments={"prod": given})
    run.end("test")
    run.end("deploy / build")
    spec = run.spec("deploy / push")
    assert spec.contexts["secrets"] == {"GITHUB_TOKEN": "", "KEY": "of prod"}
    assert spec.contexts["vars"] == {"PLACE": "prod"}
    assert spec.env["KEY"] == "of prod"
    assert set(spec.masks) == {"p", "of prod"}


def test_secrets_can_be_inherited() -> None:
    text = CALLER.replace('{key: "${{ secrets.PROD }}"}', "inherit")
    run = call(text, secrets={"KEY": "k"})
    run.end("test")
    run.end("deploy / build")
    assert run.spec("deploy / push").env["KEY"] == "k"


def test_outputs_of_a_call() -> None:
    run = call()
    run.end("test")
    run.end("deploy / build")
    run.end("deploy / push", url="https://x")
    need = run.spec("done").contexts["needs"]["deploy"]
    assert need == {"result": "success", "outputs": {"url": "https://x"}}


def test_a_failure_inside_is_the_calls_failure() -> None:
    run = call()
    run.end("test")
    run.end("deploy / build", FAILURE)
    assert run.states["deploy / push"] == "skipped"
    assert run.states["done"] == "skipped"
    assert run.now.finished is FAILURE


def test_a_call_that_is_not_reached_skips_its_jobs() -> None:
    run = call()
    run.end("test", FAILURE)
    assert run.states["deploy / build"] == "skipped"
    assert run.job("deploy / build").reason == "it needs test, which failed"


def test_a_call_with_a_false_condition_is_one_skipped_job() -> None:
    run = call(CALLER.replace("name: Deploy\n", "if: github.ref == 'x'\n"))
    assert run.states["deploy"] == "skipped"
    assert not any(key.startswith("deploy /") for key in run.states)


def test_inputs_from_outputs_are_awaited() -> None:
    text = CALLER.replace("prod}", '"${{ needs.test.outputs.where }}"}')
    run = call(text)
    assert run.states == {"test": "ready", "deploy": "blocked", "done": "blocked"}
    run.end("test", where="mars")
    assert run.job("deploy / push").name == "Deploy / Push to mars"


def test_a_name_from_outputs_is_not_awaited() -> None:
    run = call(CALLER.replace("name: Deploy\n", "name: To ${{ needs.test.outputs.where }}\n"))
    assert run.job("deploy / build").name == "deploy / build"
    run.end("test", where="mars")
    assert run.job("deploy / build").name == "To mars / build"


@pytest.mark.parametrize(
    "mistake", ["runs-on: nothing", "if: fromJSON('[')\n        runs-on: mayfly"]
)
def test_mistakes_in_a_call_that_may_not_happen_wait_until_it_does(mistake: str) -> None:
    deploy = DEPLOY_TEXT.replace("runs-on: mayfly", mistake, 1)
    text = CALLER.replace("name: Deploy\n", "if: failure()\n")
    run = call(text, deploy)
    assert run.states["deploy / build"] == "blocked"
    run.end("test")
    assert run.states["deploy / build"] == "skipped"
    run = call(text, deploy)
    run.end("test", FAILURE)
    assert run.states["deploy / build"] == "rejected"


def test_a_matrix_of_calls() -> None:
    text = CALLER.replace("name: Deploy\n", "strategy: {matrix: {t: [a, b]}}\n").replace(
        "prod", '"${{ matrix.t }}"'
    )
    run = call(text)
    run.end("test")
    assert run.ready == {"deploy (a) / build", "deploy (b) / build"}
    run.start("deploy (a) / build", "deploy (b) / build")
    run.end("deploy (a) / build", FAILURE)
    assert run.now.cancel == ("deploy (b) / build",)
    run.end("deploy (b) / build", CANCELLED)
    assert run.now.finished is FAILURE


def test_a_cancelled_call_still_cleans_up_if_it_had_begun() -> None:
    deploy = DEPLOY_TEXT.replace("needs: build", "needs: build\n        if: always()")
    run = call(deploy=deploy)
    run.end("test")
    run.start("deploy / build")
    run.cancelled = True
    assert run.now.cancel == ("deploy / build",)
    run.end("deploy / build", CANCELLED)
    assert run.ready == {"deploy / push"}
    untouched = call(deploy=deploy)
    untouched.end("test")
    untouched.cancelled = True
    assert untouched.states["deploy / push"] == "cancelled"


def test_concurrency_of_a_call_is_held_by_all_its_jobs() -> None:
    deploy = DEPLOY_TEXT.replace("    jobs:", "    concurrency: inner\n    jobs:")
    run = call(CALLER.replace("name: Deploy\n", "concurrency: outer\n"), deploy)
    for key in ("deploy / build", "deploy / push"):
        groups = [(group.group, group.holder) for group in run.job(key).concurrency]
        assert groups == [("outer", "deploy"), ("inner", "deploy")]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("with: {target: prod}", "with: {}", "input 'target' is required"),
        ("target: prod", "target: prod, fast: 7", "'fast' must be true or false"),
        ("target: prod", "target: prod, tarjet: x", "unknown input 'tarjet'; did you mean"),
        ('{key: "${{ secrets.PROD }}"}', "{}", "secret 'key' is required"),
        ("{key:", "{other: x, key:", "unknown secret 'other'"),
        ("deploy.yml", "gone.yml", "there is no workflow ./.github/workflows/gone.yml"),
        ("./.github/workflows/deploy.yml", "o/r/.github/workflows/x.yml@v1", "another repository"),
    ],
)
def test_calls_that_cannot_be(old: str, new: str, reason: str) -> None:
    run = call(CALLER.replace(old, new))
    assert run.states == {"test": "ready", "deploy": "rejected", "done": "skipped"}
    assert reason in (run.job("deploy").reason or "")
    run.end("test")
    assert run.now.finished is FAILURE


def test_a_workflow_that_cannot_be_called() -> None:
    run = call(deploy=jobs("a:\n  STEPS"))
    assert "lacks `on: workflow_call`" in (run.job("deploy").reason or "")


def test_a_remote_workflow_that_was_fetched() -> None:
    uses = "o/r/.github/workflows/x.yml@v1"
    text = CALLER.replace("./.github/workflows/deploy.yml", uses)
    run = Run(text, called={uses: DEPLOY_TEXT})
    assert "deploy / build" in run.states


def calls(name: str) -> str:
    return f"""
        on: workflow_call
        jobs:
          next:
            uses: ./.github/workflows/{name}.yml
    """


def test_calls_in_a_circle() -> None:
    text = jobs("a:\n  uses: ./.github/workflows/x.yml")
    called = {".github/workflows/x.yml": calls("y"), ".github/workflows/y.yml": calls("x")}
    run = Run(text, called=called)
    assert run.states == {"a / next / next": "rejected"}
    assert "in a circle: .github/workflows/x.yml calls" in (run.now.jobs[0].reason or "")
    assert run.now.finished is FAILURE


def nested(levels: int) -> Run:
    called = {f".github/workflows/w{n}.yml": calls(f"w{n + 1}") for n in range(levels)}
    called[f".github/workflows/w{levels}.yml"] = """
        on: workflow_call
        jobs:
          leaf:
            runs-on: mayfly
            steps: [{run: make}]
    """
    return Run(jobs("a:\n  uses: ./.github/workflows/w0.yml"), called=called)


def test_ten_levels_are_allowed_and_no_more() -> None:
    assert nested(8).finish() is SUCCESS
    [job] = nested(9).now.jobs
    assert "nested more than 10 levels" in (job.reason or "")


def test_calls_that_multiply_end_in_an_error() -> None:
    numbers = ", ".join(map(str, range(100)))
    body = f"""
        on: workflow_call
        jobs:
          next:
            strategy: {{matrix: {{n: [{numbers}]}}}}
            uses: ./.github/workflows/NEXT.yml
    """
    called = {f".github/workflows/w{n}.yml": body.replace("NEXT", f"w{n + 1}") for n in range(5)}
    run = Run(jobs("a:\n  uses: ./.github/workflows/w0.yml"), called=called)
    with pytest.raises(InvalidInput, match="more than 5000 jobs"):
        assert run.now


def test_outputs_that_cannot_be_evaluated_fail_the_call() -> None:
    run = call(
        deploy=DEPLOY_TEXT.replace("jobs.push.outputs.url", "fromJSON(jobs.push.outputs.url)")
    )
    run.end("test")
    run.end("deploy / build")
    run.end("deploy / push", url="[")
    assert run.states["deploy"] == "rejected"
    assert run.now.finished is FAILURE
