"""What commands and files of a step do to the job, and what the host is told."""

import json
from pathlib import Path

import pytest
from tests.runner.harness import run_job, step

from mayfly.protocol.messages import Annotation, Level


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("::group::Build", "##[group]Build"),
        ("::endgroup::", "##[endgroup]"),
        ("##[group]Build", "##[group]Build"),
        ("::debug::hidden", None),
        ("::add-mask::abcdef", None),
        ("::echo::on", None),
        ("::error::bad", "##[error]bad"),
        ("  ::warning::two%0Alines", "##[warning]two\nlines"),
        ("::unknown::x", "::unknown::x"),
        ("std::vector<int>::iterator", "std::vector<int>::iterator"),
        ("##[section]x", "##[section]x"),
        ("::save-state name=x::y", None),
    ],
)
def test_what_a_command_leaves_in_the_log(tmp_path: Path, printed: str, shown: str | None) -> None:
    done = run_job(tmp_path, step(f"cat <<'END'\nbefore\n{printed}\nafter\nEND"))
    assert done.log() == f"before\n{shown}\nafter\n" if shown else "before\nafter\n"


def test_debug_is_shown_when_asked_for(tmp_path: Path) -> None:
    done = run_job(
        tmp_path,
        step("echo ::debug::seen; echo $RUNNER_DEBUG ${{ runner.debug }}"),
        contexts={"vars": {"ACTIONS_STEP_DEBUG": "true"}},
    )
    assert done.log() == "##[debug]seen\n1 1\n"


def test_echo_shows_commands(tmp_path: Path) -> None:
    done = run_job(
        tmp_path,
        step("echo ::echo::on; echo '::set-output name=a::b'; echo ::echo::off", id="s"),
        step("echo ${{ steps.s.outputs.a }}"),
    )
    assert done.log(1) == "::set-output name=a::b\n::echo::off\n"
    assert done.log(2) == "b\n"


def test_stopped_commands_are_text_until_the_token(tmp_path: Path) -> None:
    script = """
echo ::stop-commands::t0ken
echo ::error::not one
echo ::t0ken::
echo ::error::one
"""
    done = run_job(tmp_path, step(script))
    assert [a.message for a in done.annotations] == ["one"]
    assert "::error::not one\n" in done.log()


def test_annotations_carry_their_place(tmp_path: Path) -> None:
    command = "::warning file=a.c,line=3,endLine=4,col=5,endColumn=6,title=T%2C x::m%25%0An"
    done = run_job(tmp_path, step(f"echo '{command}'"))
    assert done.annotations == [
        Annotation(1, Level.WARNING, "m%\nn", "T, x", "a.c", 3, 4, 5, 6),
    ]


def test_annotations_are_bounded(tmp_path: Path) -> None:
    done = run_job(tmp_path, step("for i in $(seq 80); do echo ::error::$i; done"))
    assert len(done.annotations) == 50
    assert "##[error]80\n" in done.log()


def test_a_mask_holds_from_its_line_on_everywhere(tmp_path: Path) -> None:
    script = """
echo hunter22
echo ::add-mask::hunter22
echo hunter22 $(echo -n xhunter22 | base64)
echo ::error title=hunter22::hunter22
echo "# hunter22" >> "$GITHUB_STEP_SUMMARY"
"""
    done = run_job(tmp_path, step(script), step("exit 1", name="hunter22"))
    assert done.log().startswith("hunter22\n*** ")
    assert done.log().count("hunter22") == 1
    assert "aHVudGVyMjI" not in done.log()
    assert (done.annotations[0].title, done.annotations[0].message) == ("***", "***")
    assert done.summaries == {1: "# ***\n"}
    assert done.names[1] == "***"


def test_secrets_of_the_job_are_masked_line_by_line(tmp_path: Path) -> None:
    done = run_job(
        tmp_path,
        step("echo first-line; echo '${{ secrets.KEY }}' | tr a-z A-Z; echo second.line"),
        contexts={"secrets": {"KEY": "first-line\nsecond.line\n"}},
    )
    assert done.log() == "***\nFIRST-LINE\nSECOND.LINE\n\n***\n"


def test_old_environment_commands_are_refused_unless_allowed(tmp_path: Path) -> None:
    script = "echo '::set-env name=A::1'; echo ::add-path::/x"
    done = run_job(
        tmp_path,
        step(script, continue_on_error="true"),
        step(script, env={"ACTIONS_ALLOW_UNSECURE_COMMANDS": "true"}),
        step("echo $A ${PATH%%:*}"),
    )
    assert "The `set-env` command is disabled" in (done.steps[0].reason or "")
    assert done.log(3) == "1 /x\n"


def test_paths_come_first_the_last_added_before_the_others(tmp_path: Path) -> None:
    done = run_job(
        tmp_path,
        step('echo /one >> "$GITHUB_PATH"; echo "${PATH%%:*}"'),
        step('echo /two >> "$GITHUB_PATH"'),
        step("echo $PATH | cut -d: -f1,2"),
    )
    assert done.log(1) != "/one\n"
    assert done.log(3) == "/two:/one\n"


def test_environment_files_take_heredocs(tmp_path: Path) -> None:
    script = 'printf "A<<X\\none\\ntwo\\nX\\nB=3\\n" >> "$GITHUB_ENV"'
    done = run_job(tmp_path, step(script), step('echo "$A"; echo $B'))
    assert done.log(2) == "one\ntwo\n3\n"


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("ENV", "nonsense", "Unable to process file command 'env' successfully: Invalid format"),
        ("OUTPUT", "a<<X\nb", "Matching delimiter not found 'X'"),
        ("ENV", "NODE_OPTIONS=--x", "Can't store NODE_OPTIONS"),
        ("ENV", "A=b\\0c", "holds a NUL byte"),
    ],
)
def test_files_with_mistakes_fail_the_step(
    tmp_path: Path, file: str, text: str, reason: str
) -> None:
    done = run_job(tmp_path, step(f"printf '{text}\\n' >> $GITHUB_{file}"))
    assert done.outcomes == ["failure"]
    assert reason in (done.steps[0].reason or "")


def test_default_variables_cannot_be_changed(tmp_path: Path) -> None:
    done = run_job(
        tmp_path,
        step('echo GITHUB_REPOSITORY=evil >> "$GITHUB_ENV"'),
        step("echo $GITHUB_REPOSITORY", env={"GITHUB_REPOSITORY": "evil"}),
    )
    assert "##[warning]GITHUB_REPOSITORY cannot be changed" in done.log(1)
    assert done.log(2) == "octo/demo\n"


def test_a_step_may_remove_its_files(tmp_path: Path) -> None:
    done = run_job(tmp_path, step('rm "$GITHUB_ENV" "$GITHUB_OUTPUT" "$GITHUB_STEP_SUMMARY"'))
    assert done.outcomes == ["success"]


def test_a_summary_that_is_too_large_is_left_out(tmp_path: Path) -> None:
    script = 'head -c 1100000 /dev/zero | tr "\\0" x > "$GITHUB_STEP_SUMMARY"'
    done = run_job(tmp_path, step(script), step("echo ok >> $GITHUB_STEP_SUMMARY"))
    assert done.summaries == {2: "ok\n"}
    assert "at most 1024 KiB a step are kept, this is 1074 KiB" in done.log(1)
    assert done.outcomes == ["success", "success"]


MATCHER = {
    "problemMatcher": [
        {
            "owner": "cc",
            "pattern": [
                {
                    "regexp": r"^(.+):(\d+):(\d+):\s+(warning|error):\s+(.*)$",
                    "file": 1,
                    "line": 2,
                    "column": 3,
                    "severity": 4,
                    "message": 5,
                }
            ],
        }
    ]
}


def test_problem_matchers_annotate(tmp_path: Path) -> None:
    matcher = json.dumps(MATCHER)
    done = run_job(
        tmp_path,
        step(f"cat > m.json <<'END'\n{matcher}\nEND\necho '##[add-matcher]m.json'"),
        step("printf '\\033[1ma.c:1:2: error: bad\\033[0m\\n'; echo $PWD/b/c.c:3:4: warning: odd"),
        step("echo ::remove-matcher owner=cc::; echo a.c:1:2: error: unseen"),
    )
    assert [(a.step, a.level, a.file, a.line, a.column, a.message) for a in done.annotations] == [
        (2, "error", "a.c", 1, 2, "bad"),
        (2, "warning", "b/c.c", 3, 4, "odd"),
    ]


def test_a_missing_matcher_file_fails_the_step(tmp_path: Path) -> None:
    done = run_job(tmp_path, step("echo ::add-matcher::nowhere.json"))
    assert "nowhere.json: No such file or directory" in (done.steps[0].reason or "")
