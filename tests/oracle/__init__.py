"""The official readers of workflows, from npm, that tests hold our own against.

`package.json` pins them; the first test that needs them installs them beside it. Without npm or
with too old a node those tests are skipped, and say so.
"""

import fcntl
import functools
import json
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

HERE = Path(__file__).parent
_NODE_MAJOR = 20


@functools.cache
def node_modules() -> Path:
    """The folder with the pinned packages, installed now if it is not there yet."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("the official readers need node and npm, which are not installed here")
    version = subprocess.check_output(["node", "--version"], text=True).strip()
    if int(version.removeprefix("v").split(".")[0]) < _NODE_MAJOR:
        pytest.skip(f"the official readers need node {_NODE_MAJOR} or newer; this is {version}")
    with (HERE / "package.json").open() as manifest:
        fcntl.flock(manifest, fcntl.LOCK_EX)
        wanted: dict[str, str] = json.load(manifest)["dependencies"]
        if any(_installed(package) != exact for package, exact in wanted.items()):
            _install()
    return HERE / "node_modules"


def _installed(package: str) -> str | None:
    manifest = HERE / "node_modules" / package / "package.json"
    if not manifest.is_file():
        return None
    version: str = json.loads(manifest.read_text())["version"]
    return version


def _install() -> None:
    done = subprocess.run(
        ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund"],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"npm could not install the official readers: {done.stderr.strip()}")


class NodeWorker:
    """A node process that answers one line of JSON with one line of JSON; a context manager."""

    def __init__(self, script: str):
        self._script = script

    def __enter__(self) -> Self:
        node_modules()
        self._process = subprocess.Popen(
            ["node", self._script], cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._process:  # closes its input, on which it ends, and waits
            pass

    def ask(self, question: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question).encode() + b"\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"node ended while it worked on {question!r}"
        return json.loads(answer)
