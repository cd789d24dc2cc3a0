"""The shell that has started already: the same, to a script, as one that starts now.

The first step of a job runs in it, every later one in a bash of its own: so the same script is
run twice and must show the same.
"""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.runner.harness import Done, run_job, step

HEX = re.compile(r"[0-9a-f]{32}")
IS_READY = "tr '\\0' ' ' < /proc/$$/cmdline"


def shown(done: Done, number: int) -> str:
    return HEX.sub("X", done.log(number)).replace("__run_2", "__run")


SCRIPTS = [
    "echo $LINENO\n\necho $LINENO",
    "# comment\necho $LINENO",
    "echo $0 ${BASH_SOURCE[0]} $# $-",
    'cat "$0"',
    "env | grep -v '^_=' | sort",
    "declare -p PWD SHLVL HOSTNAME; declare -p OLDPWD",
    "set -o; shopt",
    "set -x\necho traced\nf() { echo in; }; f",
    "echo one\nif then",
    "f() { caller; }\nf",
    "echo a\nfalse\necho b",
    "trap 'echo bye' EXIT\nexit 3",
    "trap 'echo failed at $LINENO' ERR\ntrue\nfalse",
    "return 3",
    "cat <<END\none $((1 + 1))\nEND\necho done",
    "for i in 1 2; do\necho $i\ndone",
    "exec sh -c 'echo $0 replaced'",
    "read -r line || echo nothing to read",
    "false | true; echo ${PIPESTATUS[0]}",
    "echo \"$QUOTED\"; printf '%s|' $QUOTED",
    "(exit 4)",
    "no-such-command",
    "echo $SECONDS; ulimit -n; umask; jobs; ls /proc/self/fd | wc -l",
    "",
    "echo 'no newline at the end'",
    "sleep 0 & wait $!; echo $?",
]


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("shell", [None, "bash"])
def test_a_script_cannot_tell(tmp_path: Path, script: str, shell: str | None) -> None:
    more: dict[str, Any] = {"env": {"QUOTED": 'it\'s "$x"\n`y`  *\\'}, "shell": shell}
    again = step(script, condition="always()", **more)
    done = run_job(tmp_path, step(script, **more), again)
    assert shown(done, 1) == shown(done, 2)
    assert done.steps[0].exit_code == done.steps[1].exit_code


def test_the_first_step_does_run_in_it(tmp_path: Path) -> None:
    done = run_job(tmp_path, step(IS_READY), step(IS_READY))
    assert "--noprofile" in done.log(1)
    assert "--noprofile" not in done.log(2)


@pytest.mark.parametrize(
    ("script", "more"),
    [
        (IS_READY, {"env": {"BASH_ENV": "/dev/null"}}),
        (IS_READY, {"env": {"WITH-DASH": "x"}}),
        (IS_READY, {"env": {"UID": "5"}}),
        (IS_READY + " # " + "x" * 3000, {}),
        (IS_READY, {"shell": "bash -e {0}"}),
    ],
)
def test_what_it_cannot_do_starts_in_the_plain_way(
    tmp_path: Path, script: str, more: dict[str, Any]
) -> None:
    done = run_job(tmp_path, step(script, **more))
    assert done.outcomes == ["success"]
    assert "--noprofile" not in done.log(1)


def test_numbers_are_drawn_anew(tmp_path: Path) -> None:
    drawn = {run_job(tmp_path / str(i), step("echo $RANDOM $RANDOM")).log() for i in range(4)}
    assert len(drawn) > 1


def test_one_that_is_never_used_ends_with_the_job(tmp_path: Path) -> None:
    done = run_job(tmp_path, step("print(1)", shell="python"))
    assert done.outcomes == ["success"]
    assert not list((tmp_path / "commands").glob("*.sh"))
