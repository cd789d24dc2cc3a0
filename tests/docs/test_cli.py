"""docs/cli.md says what the program says about itself."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_the_program_prints() -> None:
    printed = subprocess.run(
        [sys.executable, "scripts/document_cli.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert (ROOT / "docs/cli.md").read_text() == printed, "run: make docs"
