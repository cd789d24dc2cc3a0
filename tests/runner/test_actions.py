"""Composite actions, local and fetched."""

from pathlib import Path

import pytest
from tests.runner.harness import Done, Host, layout_in, run_job, step
from tests.runner.repositories import tar_of

GREET = """
name: greet
inputs:
  who: {default: "${{ github.repository }}"}
  loud: {default: false}
outputs:
  text: {value: "${{ steps.say.outputs.text }}"}
runs:
  using: composite
  steps:
    - id: say
      shell: bash
      run: |
        echo "text=hello ${{ inputs.who }} ${{ inputs.loud }}" >> "$GITHUB_OUTPUT"
        echo "at $(basename "$GITHUB_ACTION_PATH") $(basename "${{ github.action_path }}") $MOOD"
        echo "SET=inside" >> "$GITHUB_ENV"
    - shell: bash
      run: echo "then $SET"
"""


def local(tmp_path: Path, name: str, text: str) -> None:
    directory = layout_in(tmp_path).workspace("octo/demo") / name
    directory.mkdir(parents=True)
    (directory / "action.yml").write_text(text)


def test_a_local_action_has_inputs_outputs_and_its_path(tmp_path: Path) -> None:
    local(tmp_path, "greet", GREET)
    done = run_job(
        tmp_path,
        step(uses="./greet", id="greet", with_={"WHO": "you"}, env={"MOOD": "happy"}),
        step('echo "${{ steps.greet.outputs.text }} $SET $MOOD"'),
    )
    assert done.outcomes == ["success", "success"], done.host.logs
    assert "at greet greet happy\n" in done.log(1)
    assert "then inside\n" in done.log(1)
    assert done.log(2) == "hello you false inside \n"


def test_defaults_of_inputs_are_evaluated(tmp_path: Path) -> None:
    local(tmp_path, "greet", GREET)
    done = run_job(tmp_path, step(uses="./greet", id="g"), step("echo ${{ steps.g.outputs.text }}"))
    assert done.log(2) == "hello octo/demo false\n"


def composite(*steps: str) -> str:
    return "name: a\nruns:\n  using: composite\n  steps:\n" + "".join(steps)


def inner(run: str, **keys: str) -> str:
    more = "".join(f"      {key.replace('_', '-')}: {value}\n" for key, value in keys.items())
    return f"    - run: {run}\n      shell: bash\n{more}"


def test_conditions_inside_see_the_actions_own_status(tmp_path: Path) -> None:
    text = composite(
        inner("echo begins"),
        inner("exit 3"),
        inner("echo skipped"),
        inner("echo failed", **{"if": "failure()"}),
        inner("echo always", **{"if": "always()"}),
    )
    local(tmp_path, "a", text)
    done = run_job(tmp_path, step("exit 1"), step(uses="./a", condition="always()"))
    log = done.log(2)
    assert [word in log for word in ("begins\n", "\nfailed\n", "\nalways\n")] == [True] * 3
    assert "\nskipped\n" not in log
    assert done.outcomes == ["failure", "failure"]
    assert done.steps[1].reason == "Process completed with exit code 3."


def test_continue_on_error_inside(tmp_path: Path) -> None:
    text = composite(
        inner("exit 3", id="bad", continue_on_error="true"),
        inner("echo ${{ steps.bad.outcome }} ${{ steps.bad.conclusion }}"),
    )
    local(tmp_path, "a", text)
    done = run_job(tmp_path, step(uses="./a"))
    assert "failure success\n" in done.log(1)
    assert done.outcomes == ["success"]


def test_actions_nest_and_not_without_end(tmp_path: Path) -> None:
    local(tmp_path, "outer", composite("    - uses: ./inner\n"))
    local(tmp_path, "inner", composite(inner("echo deep")))
    local(tmp_path, "loop", composite("    - uses: ./loop\n"))
    done = run_job(tmp_path, step(uses="./outer"), step(uses="./loop"))
    assert "deep\n" in done.log(1)
    assert "nested deeper than 10" in (done.steps[1].reason or "")


def remote(tmp_path: Path, uses: str, files: dict[str, str]) -> Done:
    def prepare(host: Host) -> None:
        host.sources["key"] = tar_of(files)

    return run_job(
        tmp_path,
        step(uses=uses, with_={"who": "far"}),
        step(uses=uses),
        prepare=prepare,
        actions={uses: "key"},
    )


def test_a_fetched_action_is_asked_for_once(tmp_path: Path) -> None:
    done = remote(tmp_path, "octo/tools/greet@v1", {"greet/action.yaml": GREET})
    assert done.outcomes == ["success", "success"], done.host.logs
    assert [type(m).__name__ for m in done.host.messages].count("SourceRequest") == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name: a\nruns: {using: node20, main: i.js}\n", "is a JavaScript (node20) action"),
        ("name: a\nruns: {using: docker, image: Dockerfile}\n", "is a docker action"),
        ("name: a\nruns: [", "action.yml"),
    ],
)
def test_what_cannot_be_run_is_said(tmp_path: Path, text: str, reason: str) -> None:
    local(tmp_path, "a", text)
    done = run_job(tmp_path, step(uses="./a"))
    assert done.outcomes == ["failure"]
    assert reason in (done.steps[0].reason or "")


def test_a_missing_local_action_hints_at_checkout(tmp_path: Path) -> None:
    done = run_job(tmp_path, step(uses="./nowhere"))
    assert "did you forget to run actions/checkout" in (done.steps[0].reason or "")


def test_an_action_that_was_not_fetched(tmp_path: Path) -> None:
    done = run_job(tmp_path, step(uses="octo/other@v1"))
    assert done.steps[0].reason == "octo/other@v1: this action was not fetched for the job"
