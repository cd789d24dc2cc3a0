"""Runs char-sign on amd64 and arm64, and checks that exactly its known bug tells them apart.

Exit status: 0 exactly that difference was found; 1 something else was; else that of `mayfly run`.
"""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parent / "char-sign"
MAYFLY = Path(sys.executable).with_name("mayfly")
A_JOB_FAILED = 1

WHERE = {"workflow": ".github/workflows/ci.yml", "job": "test", "step": "Unit tests"}
OUTCOMES = {"amd64": "success", "arm64": "failure"}
LINE = "FAIL  falling readings: reading 1 is 2403, expected 2147"


def main() -> int:
    # Ctrl-C is for mayfly, which then cleans up; we wait for it.
    signal.signal(signal.SIGINT, lambda *_: None)
    with tempfile.TemporaryDirectory(prefix="mayfly-demo-") as folder:
        clone, events = Path(folder, "char-sign"), Path(folder, "events")
        make_clone(clone)
        command = [str(MAYFLY), "run", "--repo", str(clone), "--arch", "amd64,arm64"]
        status = subprocess.run([*command, "--events", str(events)], check=False).returncode
        if status not in {0, A_JOB_FAILED}:
            return status
        surprise = unexpected(parity_of(events.read_text()))
    if surprise:
        print(f"\ndemo: {surprise}", file=sys.stderr)
        return 1
    print("\ndemo: found what was to be found: plain char has no sign on arm64")
    return 0


def make_clone(folder: Path) -> None:
    """The example as a repository of its own, which `mayfly run` wants."""
    shutil.copytree(PROJECT, folder)
    git = ["git", "-C", str(folder), "-c", "user.name=Demo", "-c", "user.email=demo@localhost"]
    for arguments in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "."],
        ["commit", "--quiet", "--message=Pack temperature readings"],
    ):
        subprocess.run([*git, *arguments], check=True)


def parity_of(events: str) -> dict[str, Any]:
    """The run's comparison of both architectures, from what `--events` wrote."""
    parsed: list[dict[str, Any]] = [json.loads(line) for line in events.splitlines()]
    return next(event for event in parsed if event["type"] == "parity")


def unexpected(parity: dict[str, Any]) -> str | None:
    """What is not as it should be; None when all is."""
    differences = parity["differences"]
    if parity["compared"] != 2:
        return f"{parity['compared']} jobs ran on both architectures, not 2"
    if len(differences) != 1:
        return f"{len(differences)} differences were found, not 1"
    [found] = differences
    if any(found[key] != value for key, value in WHERE.items()) or found["outcomes"] != OUTCOMES:
        return f"the difference is another one: {found}"
    if LINE not in found["lines"]:
        return f"the lines do not tell why: {found['lines']}"
    return None


if __name__ == "__main__":
    sys.exit(main())
