import pytest

from mayfly.domain.errors import Location, WorkflowInvalid
from mayfly.workflow.action import read_action
from mayfly.workflow.model import Action, Input, Step

COMPOSITE = """\
name: greet
description: greets
author: us
inputs:
  who: {description: whom, required: true, default: "${{ github.actor }}"}
  old: {deprecationMessage: use who, required: 'true', kind: text}
outputs:
  said: {description: what, value: "${{ steps.say.outputs.said }}"}
runs:
  using: composite
  steps:
    - {id: say, shell: bash, run: "echo ${{ inputs.who }}"}
    - uses: ./other
branding: {icon: sun, color: white}
"""


def read(text: str) -> Action:
    return read_action(text.encode(), "action.yml")


def at(line: int, column: int) -> Location:
    return Location("action.yml", line, column)


def test_a_composite_action_is_read_with_its_steps() -> None:
    assert read(COMPOSITE) == Action(
        file="action.yml",
        name="greet",
        using="composite",
        location=at(10, 10),
        inputs=(
            Input("who", description="whom", required=True, default="${{ github.actor }}"),
            Input("old", required=True, deprecation="use who"),
        ),
        outputs={"said": "${{ steps.say.outputs.said }}"},
        steps=(
            Step(at(12, 7), id="say", shell="bash", run="echo ${{ inputs.who }}"),
            Step(at(13, 7), uses="./other", uses_at=at(13, 13)),
        ),
    )


@pytest.mark.parametrize(
    ("runs", "using"),
    [
        ("{using: node20, main: a.js, post: b.js, post-if: always()}", "node20"),
        ("{using: docker, image: Dockerfile, args: ['${{ inputs.x }}']}", "docker"),
    ],
)
def test_other_kinds_are_recognised(runs: str, using: str) -> None:
    action = read(f"name: n\nruns: {runs}\n")
    assert action.using == using
    assert action.steps == ()
    assert str(action.location) == "action.yml:2:15"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: n", "action.yml:1:1: an action lacks 'runs'"),
        ("runs: {main: x}", "action.yml:1:7: 'using' is missing"),
        ("runs: {using: node9, main: x}", "action.yml:1:15: 'using' is 'node9' (expected one of"),
        ("runs: {using: node20}", "action.yml:1:7: 'runs' of a JavaScript action lacks 'main'"),
        ("runs: {using: composite}", "action.yml:1:7: 'runs' of a composite action lacks 'steps'"),
        (
            "runs: {using: composite, steps: [{run: x}]}",
            "action.yml:1:34: a step that runs a command lacks 'shell'",
        ),
        (
            "runs: {using: composite, steps: [{run: '${{ secrets.x }}', shell: sh}]}",
            "action.yml:1:45: context 'secrets' is not available here",
        ),
        (
            "runs: {using: composite, steps: [{uses: a/b@v1, timeout-minutes: 1}]}",
            "action.yml:1:49: unknown key 'timeout-minutes' in a step that uses an action",
        ),
        (
            "{inputs: {a: {description: '${{ 1 }}'}}, runs: {using: composite, steps: []}}",
            "action.yml:1:28: 'description' cannot hold an expression",
        ),
    ],
)
def test_problems_of_an_action(text: str, message: str) -> None:
    with pytest.raises(WorkflowInvalid) as caught:
        read(text)
    (problem,) = caught.value.problems
    assert str(problem).startswith(message)
