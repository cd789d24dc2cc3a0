"""The demo's project has the bug it is shown for, and the demo accepts nothing else."""

import importlib.util
import shutil
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def load_demo() -> ModuleType:
    spec = importlib.util.spec_from_file_location("demo", EXAMPLES / "demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


demo = load_demo()


def parity(**changes: Any) -> dict[str, Any]:
    difference = {
        **demo.WHERE,
        "outcomes": dict(demo.OUTCOMES),
        "lines_of": "arm64",
        "lines": [demo.LINE],
        **changes,
    }
    return {"compared": 2, "differences": [difference]}


def test_the_known_difference_is_what_is_expected() -> None:
    assert demo.unexpected(parity()) is None


@pytest.mark.parametrize(
    "found",
    [
        {"compared": 2, "differences": []},
        {"compared": 1, "differences": parity()["differences"]},
        {"compared": 2, "differences": parity()["differences"] * 2},
        parity(job="build"),
        parity(step=None),
        parity(outcomes={"amd64": "failure", "arm64": "success"}),
        parity(lines=["cc: not found"]),
    ],
)
def test_anything_else_is_a_surprise(found: dict[str, Any]) -> None:
    assert demo.unexpected(found)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    if shutil.which("cc") is None or shutil.which("make") is None:
        pytest.skip("needs a C compiler and make")
    return Path(shutil.copytree(EXAMPLES / "char-sign", tmp_path / "project"))


def run_tests(project: Path, flag: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "--silent", "test", f"CFLAGS=-O2 {flag}"]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)


def test_it_passes_where_char_has_a_sign(project: Path) -> None:
    done = run_tests(project, "-fsigned-char")

    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "4 of 4 passed")


def test_it_fails_where_char_has_none(project: Path) -> None:
    done = run_tests(project, "-funsigned-char")

    assert done.returncode != 0
    assert demo.LINE in done.stdout


def test_the_remedy_in_its_readme_works(project: Path) -> None:
    code = (project / "delta.c").read_text()
    assert "+ coded[i]" in code
    (project / "delta.c").write_text(code.replace("+ coded[i]", "+ (signed char)coded[i]"))

    assert run_tests(project, "-funsigned-char").returncode == 0
