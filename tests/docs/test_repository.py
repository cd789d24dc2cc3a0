"""The repository as a whole: nothing of one machine or one network is in it."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Where packages come from is the business of the machine that installs them.
_REGISTRIES = re.compile(
    r"(?:pypi|pythonhosted|npmjs|yarnpkg)\.(?:org|com)|^\s*--(?:extra-)?(?:index|find)",
    re.MULTILINE,
)
_HOMES = re.compile(r"/(?:(?<![\w}])root|home/(?!runner\b)\w+)/|(?<![\w}])/work/")


def committed() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("this is not a clone")
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def matches(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for path in committed():
        if path == Path(__file__) or not path.is_file():
            continue
        text = path.read_bytes().decode(errors="replace")
        found += [f"{path.relative_to(ROOT)}: {hit[0]}" for hit in pattern.finditer(text)]
    return found


def test_no_file_names_a_registry() -> None:
    assert matches(_REGISTRIES) == []


def test_no_file_names_a_folder_of_one_machine() -> None:
    assert matches(_HOMES) == []


@pytest.mark.parametrize("name", ["runtime", "dev"])
def test_every_requirement_is_pinned_and_hashed(name: str) -> None:
    text = (ROOT / f"requirements/{name}.txt").read_text()
    blocks = re.split(r"\n(?=\S)", text.strip())

    assert blocks
    for block in blocks:
        assert re.match(r"[\w.-]+==\S+", block), block
        assert "--hash=sha256:" in block
