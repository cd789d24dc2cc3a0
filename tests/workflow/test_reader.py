from mayfly.domain.errors import Location
from mayfly.workflow.model import (
    Call,
    Concurrency,
    Defaults,
    Environment,
    Input,
    Job,
    Located,
    Step,
    Strategy,
    Trigger,
    Workflow,
)
from mayfly.workflow.reader import read_workflow

GOOD = "jobs:\n  a:\n    runs-on: x\n    steps:\n      - run: echo\n"


def read(text: str) -> Workflow:
    return read_workflow(text.encode(), "ci.yml")


def at(line: int, column: int) -> Location:
    return Location("ci.yml", line, column)


def job(text: str) -> Job:
    """The job made of these lines and what every job needs."""
    lines = "".join(f"    {line}\n" for line in text.splitlines())
    (found,) = read(f"on: push\n{GOOD}{lines}").jobs
    return found


def test_the_smallest_workflow() -> None:
    workflow = read(f"on: push\n{GOOD}")
    assert workflow == Workflow(
        file="ci.yml",
        name=None,
        triggers=(Trigger("push", at(1, 5)),),
        jobs=(Job("a", at(3, 3), runs_on="x", steps=(Step(location=at(6, 9), run="echo"),)),),
    )


def test_what_stands_at_the_top() -> None:
    workflow = read(
        "name: CI\nrun-name: by ${{ github.actor }}\non: [push, pull_request]\n"
        "env: {A: 3.10, B: true, C: null}\ndefaults: {run: {shell: bash}}\n"
        f"concurrency: one\npermissions: {{contents: read}}\n{GOOD}"
    )
    assert workflow.name == "CI"
    assert workflow.run_name == "by ${{ github.actor }}"
    assert [trigger.event for trigger in workflow.triggers] == ["push", "pull_request"]
    assert workflow.env == {"A": "3.1", "B": "true", "C": ""}
    assert workflow.defaults == Defaults(shell="bash")
    assert workflow.concurrency == Concurrency("one")
    assert workflow.permissions == {"contents": "read"}


def test_triggers_with_filters() -> None:
    workflow = read(
        "on:\n  push:\n    branches: [main, 'v[0-9]']\n    tags: v*\n    paths-ignore: [a]\n"
        "  pull_request: {types: [opened]}\n  release:\n"
        "  schedule: [{cron: 0 0 * * *, timezone: Europe/Paris}, {cron: 1 0 * * *}]\n"
        f"  workflow_run: {{workflows: [other], branches-ignore: [x]}}\n{GOOD}"
    )
    assert workflow.triggers == (
        Trigger(
            "push",
            at(2, 3),
            branches=("main", "v[0-9]"),
            tags=("v*",),
            paths_ignore=("a",),
        ),
        Trigger("pull_request", at(6, 3), types=("opened",)),
        Trigger("release", at(7, 3)),
        Trigger("schedule", at(8, 3), cron=("0 0 * * *", "1 0 * * *")),
        Trigger("workflow_run", at(9, 3), workflows=("other",), branches_ignore=("x",)),
    )
    assert workflow.trigger("release") is workflow.triggers[2]


def test_inputs_secrets_and_outputs() -> None:
    workflow = read(
        "on:\n  workflow_dispatch:\n    inputs:\n"
        "      level: {type: choice, options: [1, b], default: b, description: how}\n"
        "      dry: {type: boolean, default: false, required: true}\n"
        "      free:\n        description: any\n"
        "  workflow_call:\n    inputs: {n: {type: number, default: 3}}\n"
        "    secrets: {a: {required: true}, b: {}, c: }\n"
        f"    outputs: {{o: {{value: '${{{{ jobs.a.outputs.o }}}}'}}}}\n{GOOD}"
    )
    dispatch, call = workflow.triggers
    assert dispatch.inputs == (
        Input("level", "choice", "how", default="b", options=("1", "b")),
        Input("dry", "boolean", required=True, default=False),
        Input("free", description="any"),
    )
    assert call.inputs == (Input("n", "number", default=3),)
    assert call.secrets == {"a": True, "b": False, "c": False}
    assert call.outputs == {"o": "${{ jobs.a.outputs.o }}"}


def test_steps() -> None:
    (found,) = read(
        "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n"
        "      - name: n\n        id: i\n        if: always()\n        shell: bash\n"
        "        run: |\n          one\n          two\n"
        "        env: {A: 1}\n        working-directory: d\n        timeout-minutes: 5\n"
        "        continue-on-error: true\n"
        "      - {uses: actions/checkout@v4, with: {depth: 0, clean: false, Path: x}}\n"
    ).jobs
    run, uses = found.steps
    assert run == Step(
        location=at(6, 9),
        name="n",
        id="i",
        condition="always()",
        shell="bash",
        run="one\ntwo\n",
        env={"A": "1"},
        working_directory="d",
        timeout_minutes="5",
        continue_on_error="true",
    )
    assert uses == Step(
        location=at(17, 9),
        uses="actions/checkout@v4",
        uses_at=at(17, 16),
        with_={"depth": "0", "clean": "false", "Path": "x"},
    )


def test_everything_of_a_job() -> None:
    found = job(
        "name: n ${{ matrix.os }}\nif: ${{ github.ref }}\n"
        "strategy: {fail-fast: false, max-parallel: 2, matrix: {os: [a, 3.10], x: '${{ vars.x }}'}}"
        "\n"
        "env: ${{ fromJSON(vars.env) }}\ndefaults: {run: {working-directory: src}}\n"
        "concurrency: {group: g, cancel-in-progress: true, queue: max}\n"
        "environment: {name: prod, url: u}\npermissions: read-all\n"
        "outputs: {o: '${{ steps.a.outputs.o }}'}\ntimeout-minutes: 10\n"
        "cancel-timeout-minutes: 1\ncontinue-on-error: ${{ matrix.x }}"
    )
    assert found.name == "n ${{ matrix.os }}"
    assert found.condition == "${{ github.ref }}"
    assert found.strategy == Strategy({"os": ["a", 3.1], "x": "${{ vars.x }}"}, "false", "2")
    assert found.env == "${{ fromJSON(vars.env) }}"
    assert found.defaults == Defaults(working_directory="src")
    assert found.concurrency == Concurrency("g", "true", "max")
    assert found.environment == Environment("prod", "u")
    assert found.permissions == "read-all"
    assert found.outputs == {"o": "${{ steps.a.outputs.o }}"}
    assert found.timeout_minutes == "10"
    assert found.cancel_timeout_minutes == "1"
    assert found.continue_on_error == "${{ matrix.x }}"


def test_what_is_not_carried_out_keeps_its_place() -> None:
    found = job("container: debian:12\nservices:\n  db: {image: pg, ports: [80]}\nsnapshot: x")
    assert found.container == Located(at(7, 16), "debian:12")
    assert found.services == Located(at(9, 7), {"db": {"image": "pg", "ports": [80]}})
    assert found.snapshot == Located(at(10, 15), "x")


def test_runs_on_in_its_three_forms() -> None:
    def runs_on(text: str) -> object:
        return read(f"on: push\n{GOOD}".replace("runs-on: x", f"runs-on: {text}")).jobs[0].runs_on

    assert runs_on("${{ matrix.os }}") == "${{ matrix.os }}"
    assert runs_on("[self-hosted, x]") == ("self-hosted", "x")
    assert runs_on("{group: g, labels: [x]}") == {"group": "g", "labels": ["x"]}


def test_calls_and_needs() -> None:
    jobs = read(
        f"on: push\n{GOOD}  b:\n    needs: a\n    uses: ./.github/workflows/x.yml\n"
        "    with: {n: 3, b: true, t: '${{ needs.a.outputs.t }}'}\n    secrets: inherit\n"
        "  c:\n    needs: [a, b]\n    uses: o/r/.github/workflows/x.yml@v1\n"
        "    secrets: {s: '${{ secrets.s }}'}\n"
    ).jobs
    assert [found.needs for found in jobs] == [(), ("a",), ("a", "b")]
    assert [found.call for found in jobs] == [
        None,
        Call(
            "./.github/workflows/x.yml",
            {"n": 3, "b": True, "t": "${{ needs.a.outputs.t }}"},
            "inherit",
            at(9, 11),
        ),
        Call("o/r/.github/workflows/x.yml@v1", {}, {"s": "${{ secrets.s }}"}, at(14, 11)),
    ]
    assert jobs[1].steps == ()


def test_anchors_are_shared_between_jobs() -> None:
    jobs = read(
        "on: push\njobs:\n  a:\n    runs-on: &where x\n    steps: &steps\n      - run: echo\n"
        "  b:\n    runs-on: *where\n    steps: *steps\n"
    ).jobs
    assert jobs[0].steps == jobs[1].steps
    assert jobs[0].runs_on == jobs[1].runs_on == "x"
