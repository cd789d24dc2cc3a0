"""The archive that goes into a guest."""

import subprocess
import sys
from pathlib import Path

from mayfly.runner.package import build_zipapp, digest, unit


def test_the_same_sources_give_the_same_bytes() -> None:
    assert digest(build_zipapp()) == digest(build_zipapp())


def test_the_archive_runs_by_itself(tmp_path: Path) -> None:
    file = tmp_path / "mayfly-runner.pyz"
    file.write_bytes(build_zipapp())
    # -I: nothing of the environment, so an import from outside the archive would fail.
    done = subprocess.run(
        [sys.executable, "-I", str(file)], capture_output=True, text=True, check=False, cwd="/"
    )
    assert done.returncode == 2
    assert done.stderr.startswith("usage: mayfly-runner serve PORT")


def test_the_unit_starts_the_archive() -> None:
    assert "mayfly-runner.pyz serve /dev/virtio-ports/mayfly.0" in unit()
