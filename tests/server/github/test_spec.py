"""The script that runs GitHub's runner in a machine, with a program that ends as it is told."""

import os
import subprocess
from pathlib import Path

import pytest

from mayfly.server.github.spec import CONFIG, runner_spec

_LISTENER = """\
#!/bin/bash
echo "$@ $GITHUB_ENV $RUNNER_TEMP $RUNNER_TOOL_CACHE" >> "$0.calls"
mapfile -t codes < "$0.codes"
printf '%s\\n' "${codes[@]:1}" > "$0.codes"
exit "${codes[0]}"
"""


def ran(folder: Path, *codes: int) -> tuple[int, list[str]]:
    """The script's exit code, and with what the listener was called each time."""
    programs = folder / "bin"
    programs.mkdir()
    listener = programs / "Runner.Listener"
    listener.write_text(_LISTENER)
    (programs / "sleep").write_text("#!/bin/sh\n")
    for program in programs.iterdir():
        program.chmod(0o755)
    (programs / "Runner.Listener.codes").write_text("\n".join(map(str, codes)))
    [step] = runner_spec("build", "secret").steps
    assert step.run is not None
    script = step.run.replace("/opt/actions-runner", str(folder))
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "GITHUB_ENV": "ours",
        "RUNNER_TEMP": "ours",
        "RUNNER_TOOL_CACHE": "/tools",
    }
    done = subprocess.run(["bash", "-e", "-c", script], env=environment, check=False)
    return done.returncode, (programs / "Runner.Listener.calls").read_text().splitlines()


@pytest.mark.parametrize(
    ("codes", "ended", "calls"),
    [
        ((0,), 0, 1),
        ((100,), 0, 1),
        ((102,), 102, 1),
        ((1,), 1, 1),
        ((7,), 7, 1),
        ((2, 3, 4, 0), 0, 4),
        ((2, 2, 2, 2, 2), 2, 5),
    ],
)
def test_it_is_started_again_only_where_that_helps(
    tmp_path: Path, codes: tuple[int, ...], ended: int, calls: int
) -> None:
    code, called = ran(tmp_path, *codes)
    assert (code, len(called)) == (ended, calls)


def test_our_own_variables_are_not_there(tmp_path: Path) -> None:
    _, [call] = ran(tmp_path, 0)
    assert call.split() == ["run", "/tools"]


def test_the_registration_is_a_variable_and_masked() -> None:
    spec = runner_spec("build", "secret")
    assert spec.env[CONFIG] == "secret"
    assert spec.masks == ("secret",)
    assert "secret" not in (spec.steps[0].run or "")
