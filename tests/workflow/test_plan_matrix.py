"""Jobs with a matrix: expansion in time, fail-fast, max-parallel, outputs."""

import pytest
from tests.workflow.simulation import CANCELLED, FAILURE, SUCCESS, Run, jobs

MATRIX = jobs(
    """
    prepare:
      STEPS
    test:
      needs: prepare
      strategy: {matrix: {n: [1, 2, 3]}OPTIONS}
      STEPS
    done:
      needs: test
      STEPS
    """
)
STATIC = MATRIX.replace("OPTIONS", "")
TESTS = ["test (1)", "test (2)", "test (3)"]


def test_a_matrix_is_expanded_before_its_needs_end() -> None:
    run = Run(STATIC)
    assert list(run.states) == ["prepare", *TESTS, "done"]
    assert run.job("done").needs == tuple(TESTS)
    run.end("prepare", FAILURE)
    assert [run.states[key] for key in TESTS] == ["skipped"] * 3


def test_contexts_of_a_combination() -> None:
    run = Run(STATIC)
    run.end("prepare")
    contexts = run.spec("test (2)").contexts
    assert contexts["matrix"] == {"n": 2}
    assert contexts["strategy"] == {
        "fail-fast": True,
        "job-index": 1,
        "job-total": 3,
        "max-parallel": 3,
    }


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("", "a (x, 1)"),
        ("name: Check", "Check (x, 1)"),
        ("name: Check ${{ matrix.os }}", "Check x"),
    ],
)
def test_names(name: str, shown: str) -> None:
    text = jobs(f"a:\n  {name}\n  strategy: {{matrix: {{os: [x], n: [1]}}}}\n  STEPS")
    job = Run(text).job("a (x, 1)")
    assert job.name == shown


def test_combinations_that_look_alike_have_different_keys() -> None:
    text = jobs("a:\n  strategy: {matrix: {n: [1, '1', [1]]}}\n  STEPS")
    assert list(Run(text).states) == ["a (1)", "a (1) #2", "a (1) #3"]


DYNAMIC = jobs(
    """
    list:
      STEPS
    test:
      needs: list
      strategy: {matrix: "${{ fromJSON(needs.list.outputs.matrix) }}"}
      STEPS
    done:
      needs: test
      STEPS
    """
)


def test_a_matrix_from_outputs_takes_its_placeholders_place() -> None:
    run = Run(DYNAMIC)
    assert run.states == {"list": "ready", "test": "blocked", "done": "blocked"}
    run.end("list", matrix='{"os": ["a", "b"]}')
    assert list(run.states) == ["list", "test (a)", "test (b)", "done"]
    assert run.ready == {"test (a)", "test (b)"}
    run.end("test (a)")
    run.end("test (b)")
    assert run.ready == {"done"}


def test_a_matrix_that_is_not_reached_is_not_looked_at() -> None:
    run = Run(DYNAMIC)
    run.end("list", FAILURE)
    assert run.states == {"list": "finished", "test": "skipped", "done": "skipped"}


@pytest.mark.parametrize("matrix", ["", "[]", "5", '{"os": []}', '{"os": "x"}'])
def test_a_matrix_that_is_none_rejects_the_job(matrix: str) -> None:
    run = Run(DYNAMIC)
    run.end("list", matrix=matrix)
    assert run.states == {"list": "finished", "test": "rejected", "done": "skipped"}
    assert run.now.finished is FAILURE


def test_ten_thousand_combinations_reject_the_job_alone() -> None:
    numbers = ", ".join(map(str, range(100)))
    text = jobs(
        f"a:\n  strategy: {{matrix: {{x: [{numbers}], y: [{numbers}]}}}}\n  STEPS\nb:\n  STEPS"
    )
    run = Run(text)
    assert run.states == {"a": "rejected", "b": "ready"}
    assert "10000 combinations; at most 256" in (run.job("a").reason or "")


def test_fail_fast_stops_the_rest() -> None:
    run = Run(STATIC)
    run.end("prepare")
    run.start("test (1)", "test (2)")
    run.end("test (1)", FAILURE)
    assert run.now.cancel == ("test (2)",)
    assert run.states["test (2)"] == "ready"
    assert run.states["test (3)"] == "cancelled"
    assert run.job("test (3)").reason == "fail-fast: test (1) failed"
    run.end("test (2)", CANCELLED)
    assert run.now.finished is FAILURE


def test_without_fail_fast_the_rest_goes_on() -> None:
    run = Run(MATRIX.replace("OPTIONS", ", fail-fast: false"))
    run.end("prepare")
    run.end("test (1)", FAILURE)
    assert run.now.cancel == ()
    assert run.ready == {"test (2)", "test (3)"}
    assert run.finish() is FAILURE


def test_a_failure_that_may_be_stops_nothing() -> None:
    text = STATIC.replace("test:", "test:\n    continue-on-error: ${{ matrix.n == 1 }}")
    run = Run(text)
    run.end("prepare")
    run.end("test (1)", FAILURE)
    assert run.ready == {"test (2)", "test (3)"}
    assert run.finish() is SUCCESS


def test_max_parallel_holds_back() -> None:
    run = Run(MATRIX.replace("OPTIONS", ", max-parallel: 2"))
    run.end("prepare")
    assert run.ready == {"test (1)", "test (2)"}
    assert run.job("test (3)").reason == "max-parallel: 2 at a time"
    run.start("test (1)", "test (2)")
    run.end("test (2)")
    assert run.ready == {"test (1)", "test (3)"}
    assert run.finish() is SUCCESS


def test_outputs_of_a_matrix_write_over_each_other_but_not_with_nothing() -> None:
    run = Run(STATIC)
    run.end("prepare")
    run.end("test (1)", same="1", one="x")
    run.end("test (2)", same="2", one="")
    run.end("test (3)", other="3")
    needs = run.spec("done").contexts["needs"]
    assert needs["test"]["outputs"] == {"same": "2", "one": "x", "other": "3"}


def test_windows_combinations_are_left_out_and_the_linux_ones_count() -> None:
    text = jobs(
        """
        test:
          strategy: {matrix: {os: [windows-latest, ubuntu-latest]}}
          runs-on: ${{ matrix.os }}
          steps: [{run: x}]
        done:
          needs: test
          STEPS
        """
    )
    run = Run(text)
    assert run.states["test (windows-latest)"] == "rejected"
    assert run.ready == {"test (ubuntu-latest)"}
    run.end("test (ubuntu-latest)")
    assert run.ready == {"done"}


def test_choosing_combinations() -> None:
    run = Run(STATIC, matrix={"n": frozenset({"1", "3"})})
    assert list(run.states) == ["prepare", "test (1)", "test (3)", "done"]
    none = Run(STATIC, matrix={"n": frozenset({"9"})})
    assert none.states == {"prepare": "ready", "test": "skipped", "done": "skipped"}
    assert none.job("test").reason == "no combination is among those asked for"


def test_too_many_jobs_altogether() -> None:
    numbers = ", ".join(map(str, range(256)))
    many = "\n".join(
        f"j{n}:\n  strategy: {{matrix: {{x: [{numbers}]}}}}\n  STEPS" for n in range(20)
    )
    with pytest.raises(Exception, match="more than 5000 jobs"):
        assert Run(jobs(many)).now
