"""Steps of a job, run for real in a temporary directory: scripts, shells, environment, results."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.runner.harness import run_job, step


def test_a_step_prints_and_succeeds(tmp_path: Path) -> None:
    done = run_job(tmp_path, step("echo hello; echo there >&2"))
    assert done.log() == "hello\nthere\n"
    assert done.outcomes == ["success"]
    assert done.finished.conclusion == "success"


def test_step_zero_says_what_the_machine_is(tmp_path: Path) -> None:
    done = run_job(tmp_path, step("true"))
    assert os.uname().machine in done.log(0)


def test_the_log_begins_with_what_is_run(tmp_path: Path) -> None:
    done = run_job(tmp_path, step("echo one\necho two", env={"A": "b"}))
    assert done.host.logs[1].decode() == (
        "##[group]Run echo one\necho one\necho two\n"
        f"shell: {shutil.which('bash')} -e {{0}}\nenv:\n  A: b\n##[endgroup]\none\ntwo\n"
    )


@pytest.mark.parametrize(
    ("shell", "script", "printed"),
    [
        (None, "false | true; echo $-", "ehB\n"),
        ("bash", "set -o | grep pipefail", "pipefail       \ton\n"),
        ("sh", "echo $0 | grep -c '\\.sh$'", "1\n"),
        ("python", "print(6 * 7)", "42\n"),
        ("bash -x {0}", "echo traced", "+ echo traced\ntraced\n"),
        ("cat {0}", "not run", "not run\n"),
    ],
)
def test_shells(tmp_path: Path, shell: str | None, script: str, printed: str) -> None:
    done = run_job(tmp_path, step(script, shell=shell))
    assert done.log() == printed
    assert done.outcomes == ["success"]


@pytest.mark.parametrize(
    ("shell", "reason"),
    [
        ("pwsh", "shell 'pwsh' is not installed in this machine's image"),
        ("cmd", "shell 'cmd' exists on Windows only; use bash, sh, python or pwsh"),
        ("fish", "neither bash, sh, python or pwsh nor a command with {0} in it"),
        ("nowhere {0}", "shell 'nowhere' is not installed in this machine's image"),
        ("bash 'x {0}", "cannot be split into words"),
    ],
)
def test_shells_that_cannot_be_used(tmp_path: Path, shell: str, reason: str) -> None:
    done = run_job(tmp_path, step("echo", shell=shell))
    assert done.outcomes == ["failure"]
    assert reason in (done.steps[0].reason or "")
    assert reason in done.log()


@pytest.mark.parametrize(
    ("script", "code", "reason"),
    [
        ("exit 7", 7, "Process completed with exit code 7."),
        ("kill -9 $$", 137, "Process was killed by signal 9."),
        ("no-such-program", 127, "Process completed with exit code 127."),
    ],
)
def test_exit_codes(tmp_path: Path, script: str, code: int, reason: str) -> None:
    done = run_job(tmp_path, step(script))
    assert (done.steps[0].exit_code, done.steps[0].reason) == (code, reason)
    assert done.log().endswith(f"##[error]{reason}\n")
    assert done.finished.conclusion == "failure"


def test_a_missing_working_directory_is_named(tmp_path: Path) -> None:
    done = run_job(tmp_path, step("pwd", working_directory="not/there"))
    assert "not/there: No such file or directory" in (done.steps[0].reason or "")


def test_working_directories(tmp_path: Path) -> None:
    done = run_job(
        tmp_path,
        step("mkdir -p a b; pwd", working_directory="."),
        step("pwd"),
        step("pwd", working_directory="b"),
        default_working_directory="a",
    )
    workspace = f"{tmp_path}/work/demo/demo"
    assert [done.log(i).strip() for i in (1, 2, 3)] == [
        workspace,
        f"{workspace}/a",
        f"{workspace}/b",
    ]


def test_the_default_shell_holds_unless_the_step_has_one(tmp_path: Path) -> None:
    done = run_job(
        tmp_path, step("print(1)"), step("echo $((1 + 1))", shell="sh"), default_shell="python"
    )
    assert [done.log(1), done.log(2)] == ["1\n", "2\n"]


def test_environment_precedence(tmp_path: Path) -> None:
    done = run_job(
        tmp_path,
        step('echo "$A $B $C"; echo "A=file" >> "$GITHUB_ENV"', env={"C": "${{ env.B }}-step"}),
        step('echo "$A $B ${C-unset}"'),
        step('echo "$A"', env={"A": "step"}),
        env={"A": "job", "B": "job"},
    )
    assert [done.log(i) for i in (1, 2, 3)] == ["job job job-step\n", "file job unset\n", "step\n"]


def test_standard_variables(tmp_path: Path) -> None:
    names = ["CI", "GITHUB_ACTIONS", "GITHUB_REPOSITORY", "GITHUB_SHA", "GITHUB_REF_PROTECTED"]
    names += ["RUNNER_OS", "RUNNER_TEMP", "GITHUB_WORKSPACE", "GITHUB_ACTION", "RUNNER_DEBUG"]
    script = "\n".join(f'echo "${{{name}-unset}}"' for name in names) + '\ncat "$GITHUB_EVENT_PATH"'
    contexts = {"github": {"repository": "octo/demo", "sha": "c0ffee", "ref_protected": True}}
    contexts["github"]["event"] = {"number": 3}
    done = run_job(tmp_path, step(script, id="me"), contexts=contexts)
    work = tmp_path / "work"
    assert done.log().splitlines() == [
        *("true", "true", "octo/demo", "c0ffee", "true", "Linux"),
        *(f"{work}/_temp", f"{work}/demo/demo", "me", "unset", '{"number":3}'),
    ]


def test_contexts(tmp_path: Path) -> None:
    script = """
    echo "${{ runner.os }} ${{ job.status }} ${{ matrix.a }} ${{ inputs.i }} ${{ vars.v }}"
    echo "${{ needs.build.outputs.x }} ${{ github.workspace == env.GITHUB_WORKSPACE }}"
    """
    contexts = {
        "matrix": {"a": 1},
        "inputs": {"i": True},
        "vars": {"v": "V"},
        "needs": {"build": {"outputs": {"x": "X"}, "result": "success"}},
    }
    done = run_job(tmp_path, step(script), contexts=contexts)
    assert done.log() == "Linux success 1 true V\nX false\n"


def test_outputs_and_results_of_steps(tmp_path: Path) -> None:
    done = run_job(
        tmp_path,
        step('echo "x=1" >> "$GITHUB_OUTPUT"; echo "::set-output name=y::2"', id="a"),
        step("exit 1", id="b", continue_on_error="true"),
        step("echo", id="c", condition="false"),
        step(
            "echo ${{ steps.a.outputs.x }}${{ steps.a.outputs.y }} ${{ steps.b.outcome }} "
            "${{ steps.b.conclusion }} ${{ steps.c.conclusion }}"
        ),
        outputs={"sum": "${{ steps.a.outputs.x }}+${{ steps.a.outputs.y }}", "none": ""},
    )
    assert done.log(4) == "12 failure success skipped\n"
    assert done.finished.outputs == {"sum": "1+2", "none": ""}
    assert [s.outcome.value for s in done.steps] == ["success", "failure", "skipped", "success"]
    assert done.finished.conclusion == "success"


CONDITIONS: list[tuple[str | None, list[str]]] = [
    (None, ["success", "skipped"]),
    ("success()", ["success", "skipped"]),
    ("failure()", ["skipped", "success"]),
    ("always()", ["success", "success"]),
    ("cancelled()", ["skipped", "skipped"]),
    ("!cancelled()", ["success", "success"]),
    ("github.actor == 'nobody'", ["skipped", "skipped"]),
    ("${{ github.repository == 'octo/demo' }}", ["success", "skipped"]),
    ("failure() && github.repository == 'octo/demo'", ["skipped", "success"]),
    ("env.WANTED == 'yes'", ["success", "skipped"]),
]


@pytest.mark.parametrize(("condition", "expected"), CONDITIONS)
def test_conditions(tmp_path: Path, condition: str | None, expected: list[str]) -> None:
    env = {"WANTED": "yes"}
    done = run_job(
        tmp_path,
        step("true", condition=condition, env=env),
        step("false"),
        step("true", condition=condition, env=env),
    )
    assert [done.outcomes[0], done.outcomes[2]] == expected


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"condition": "fromJSON('{')"}, "if: "),
        ({"env": {"A": "${{ fromJSON('{') }}"}}, "if: "),
        ({"timeout_minutes": "soon"}, "timeout-minutes: 'soon' is not a number"),
        ({"run": "echo ${{ fromJSON('{') }}"}, "fromJSON"),
    ],
)
def test_expressions_that_fail(tmp_path: Path, more: dict[str, Any], reason: str) -> None:
    done = run_job(tmp_path, step(**{"run": "echo", **more}), step("true", condition="always()"))
    assert done.outcomes == ["failure", "success"]
    assert reason in (done.steps[0].reason or "")


def test_names(tmp_path: Path) -> None:
    done = run_job(
        tmp_path,
        step("echo a\necho b"),
        step("true", name="Build ${{ matrix.os }}"),
        step(uses="./x", condition="false"),
        step("true", name="${{ nonsense( }}"),
        contexts={"matrix": {"os": "linux"}},
    )
    assert done.names == ["Run echo a", "Build linux", "Run ./x", "${{ nonsense( }}"]


def test_job_outputs_are_bounded(tmp_path: Path) -> None:
    big = 'printf "x=%s\\n" "$(head -c 1100000 /dev/zero | tr "\\0" a)" >> "$GITHUB_OUTPUT"'
    done = run_job(tmp_path, step(big, id="a"), outputs={"x": "${{ steps.a.outputs.x }}"})
    assert done.finished.conclusion == "failure"
    assert done.finished.reason == "output 'x' is larger than 1048576 bytes"


def test_an_output_with_a_secret_is_dropped(tmp_path: Path) -> None:
    done = run_job(
        tmp_path,
        step('echo "x=is s3cret!" >> "$GITHUB_OUTPUT"', id="a"),
        outputs={"x": "${{ steps.a.outputs.x }}", "y": "plain"},
        masks=("s3cret",),
    )
    assert done.finished.outputs == {"y": "plain"}


def test_the_environments_url_is_evaluated_at_the_end(tmp_path: Path) -> None:
    done = run_job(
        tmp_path,
        step('echo "u=https://example.org" >> "$GITHUB_OUTPUT"', id="a"),
        environment_url="${{ steps.a.outputs.u }}/x",
    )
    assert done.finished.environment_url == "https://example.org/x"


def test_hash_files_in_an_expression(tmp_path: Path) -> None:
    done = run_job(tmp_path, step("echo one > a.lock"), step("echo ${{ hashFiles('*.lock') }}"))
    digest = hashlib.sha256(hashlib.sha256(b"one\n").digest()).hexdigest()
    assert done.log(2) == f"{digest}\n"


def test_scripts_of_any_text(tmp_path: Path) -> None:
    done = run_job(tmp_path, step("echo 'ü \U0001f41d \udcff'; echo \"$0\" | wc -l"))
    assert done.host.logs[1].endswith(b"\n\xc3\xbc \xf0\x9f\x90\x9d \xff\n1\n")
