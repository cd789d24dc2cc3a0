"""Clones with workflows, and the command line run in them as a person would."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_IDENTITY = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")


def clone(root: Path, workflows: Mapping[str, str]) -> Path:
    """A repository on branch main whose one commit holds these workflow files."""
    folder = root / "clone" / ".github" / "workflows"
    folder.mkdir(parents=True)
    for name, text in workflows.items():
        (folder / name).write_text(text)
    repository = root / "clone"
    for command in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-qm", "x")):
        subprocess.run(["git", *_IDENTITY, *command], cwd=repository, check=True)
    return repository


@dataclass(frozen=True)
class Left:
    """How a command left."""

    status: int
    out: str
    err: str


def mayfly(*arguments: str, cwd: Path, home: Path, **environment: str) -> Left:
    """Runs `mayfly` in a process of its own, without a terminal."""
    kept = {"PATH": os.environ["PATH"], "HOME": str(home), "MAYFLY_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", "from mayfly.cli.main import main; main()", *arguments],
        cwd=cwd,
        env=kept | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return Left(done.returncode, done.stdout, done.stderr)
