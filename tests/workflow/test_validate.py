"""What is reported for wrong workflows: everything at once, each with its place."""

import pytest

from mayfly.domain.errors import ExitCode, WorkflowInvalid
from mayfly.workflow.reader import read_workflow
from mayfly.workflow.validate import MAX_PROBLEMS

GOOD = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: echo\n"


def problems(text: str | bytes) -> list[str]:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(WorkflowInvalid) as caught:
        read_workflow(data, "ci.yml")
    assert caught.value.exit_code is ExitCode.INVALID
    return [str(problem) for problem in caught.value.problems]


def test_all_problems_are_told_at_once_in_file_order() -> None:
    found = problems("""\
on:
  push: {branches: [main, '['], branches-ignore: [x], tgs: [v1]}
  schedule: [{cron: '61 * * * *'}]
  pull_request: {types: [opend]}
  pul_request:
env: {A: [1]}
permissions: {contents: admin, id-token: read}
jobs:
  1a: {runs-on: x, step: []}
  b:
    runs-on: ubuntu-latest
    needs: [zz]
    timeout-minutes: soon
    continue-on-error: yes
    if: secrets.X == 'a' && hashFiles('x')
    steps:
      - run: echo ${{ foo.bar }}
        uses: a/b@v1
      - name: neither
      - uses: checkout
      - id: a
        run: |
          line one
          echo ${{ github.ref == }} ${{ jobs.x }}
      - {id: a, run: x, shell: fish}
      - run: "quoted \\"x\\" ${{ contains('x') }}"
        timeout-minutes: "30"
""")
    expected = [
        "ci.yml:2:27: pattern '[': the '[' is not closed",
        "ci.yml:2:33: 'branches' and 'branches-ignore' exclude each other",
        "ci.yml:2:55: unknown key 'tgs' in an event (expected one of 'branches', ",
        "ci.yml:3:21: '61 * * * *' is not a cron line: '61' is no minute (0-59)",
        "ci.yml:4:26: 'types' is 'opend' (expected 'assigned', ",
        "ci.yml:5:3: unknown key 'pul_request' in 'on' (expected 'pull_request'?)",
        "ci.yml:6:10: 'A' is a list (expected text)",
        "ci.yml:7:25: 'contents' is 'admin' (expected 'read', 'write' or 'none')",
        "ci.yml:7:42: 'id-token' is 'read' (expected 'write' or 'none')",
        "ci.yml:9:3: '1a' is not an id",
        "ci.yml:9:7: a job without 'steps'",
        "ci.yml:9:20: unknown key 'step' in a job (expected one of 'runs-on', ",
        "ci.yml:12:13: job 'b' needs 'zz', which does not exist (expected one of '1a')",
        "ci.yml:13:22: 'timeout-minutes' is 'soon' (expected a number)",
        "ci.yml:14:24: 'continue-on-error' is 'yes' (expected true or false)",
        "ci.yml:15:9: context 'secrets' is not available here (expected one of 'github', ",
        "ci.yml:15:29: function 'hashFiles' is not available here (expected one of 'always', ",
        "ci.yml:17:23: context 'foo' is not available here (expected one of 'env', ",
        "ci.yml:18:9: 'uses' does not go with a step that runs a command",
        "ci.yml:19:9: neither 'run' nor 'uses' (expected one of them)",
        "ci.yml:20:15: 'checkout' names no action",
        "ci.yml:24:34: the expression ends where a value was expected",
        "ci.yml:25:14: step id 'a' is used twice",
        "ci.yml:25:32: 'fish' is not a shell",
        "ci.yml:26:32: contains takes 2 arguments, not 1",
        "ci.yml:27:26: 'timeout-minutes' is '30' in quotes (expected a number)",
    ]
    assert len(found) == len(expected)
    for line, start in zip(found, expected, strict=True):
        assert line.startswith(start)
    assert any("did you mean 'steps'?" in line for line in found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n- b", "ci.yml:1:1: the file is a list (expected a mapping)"),
        ("hello", "ci.yml:1:1: the file is 'hello' (expected a mapping)"),
        ("int main(void) { return 0; }", "ci.yml:1:1: the file is 'int main(void) { return 0; }'"),
        ("---\n", "ci.yml:2:1: the file is empty (expected a mapping)"),
        ("\x7fELF\x02\x01", "ci.yml:1:1: not valid YAML"),
        ("<html><a b='c'>&nbsp;</a>", "ci.yml:1:1: the file is "),
        (GOOD.replace("echo", f"'${{{{ {'(' * 10_000}1{')' * 10_000} }}}}'"), "ci.yml:6:"),
        (GOOD.replace("echo", f"'${{{{ {'!' * 10_000}1 }}}}'"), "ci.yml:6:"),
        (GOOD.replace("echo", "${{ github.sha"), "ci.yml:6:14: the expression is not closed"),
        (GOOD + "    env: {'${{ github.sha }}': x}", "ci.yml:7:11: an expression as a key"),
        (GOOD + "    strategy: ${{ github.sha }}", "ci.yml:7:15: one expression for the whole of"),
        (GOOD + "name: ${{ github.sha }}", "ci.yml:7:7: 'name' cannot hold an expression"),
        (GOOD + "    if: success('a', ''", "ci.yml:7:24: "),
        (GOOD + "    if: always(1)", "ci.yml:7:9: always takes no arguments, not 1"),
        (GOOD.replace("run:", "if: failure('a')\n        run:"), "ci.yml:6:13: 'failure' is"),
        (GOOD + "    env:", "ci.yml:7:9: 'env' is empty (expected a mapping)"),
        ("jobs: {}\non: push", "ci.yml:1:7: 'jobs' holds no job"),
        (GOOD.replace("on: push", "on: []"), "ci.yml:1:5: 'on' names no event"),
        (GOOD.replace("on: push\n", ""), "ci.yml:1:1: a workflow lacks 'on'"),
        (GOOD.replace("- run: echo", "[]"), "ci.yml:6:7: 'steps' holds no step"),
        (GOOD + f"'{'k' * 1000}': 1", "ci.yml:7:1: unknown key 'kkk"),
    ],
)
def test_one_mistake_makes_one_problem(text: str, message: str) -> None:
    (found,) = problems(text)
    assert found.startswith(message)
    assert len(found) < 1000


def test_doubled_keys_are_told_beside_everything_else() -> None:
    found = problems(GOOD + "    runs-on: y\n    foo: 1\n")
    assert [line.split(" (")[0] for line in found] == [
        "ci.yml:7:5: key 'runs-on' is already defined at line 4",
        "ci.yml:8:5: unknown key 'foo' in a job",
    ]


def test_a_problem_behind_an_alias_is_told_once_for_each_kind_of_place() -> None:
    found = problems(
        "on: push\njobs:\n"
        "  a: &job {runs-on: x, env: {A: '${{ runner.os }}'}, steps: [{run: a}]}\n"
        "  b: *job\n  c: *job\n"
    )
    assert len(found) == 1
    assert found[0].startswith("ci.yml:3:38: context 'runner' is not available here")


@pytest.mark.parametrize(
    "text",
    [
        GOOD + "".join(f"k{number}: 1\n" for number in range(20_000)),
        GOOD + "a: 1\n" * 20_000,
        GOOD.replace("echo", "|\n" + "          ${{ foo.a }}\n" * 20_000),
        GOOD.replace("- run: echo", "\n".join(["- run: echo", *["      - foo"] * 20_000])),
    ],
    ids=["keys", "doubled keys", "expressions", "steps"],
)
def test_too_many_problems_end_the_search(text: str) -> None:
    found = problems(text)
    assert len(found) == MAX_PROBLEMS + 1
    assert found[-1].endswith(": … and perhaps more: the search ended here")
