"""The runner as one file that any Python runs: what the host puts into a guest.

The archive is the same for the same sources, byte for byte, so its digest names the version.
"""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import mayfly

_PACKAGES = ("runner", "protocol", "workflow", "domain")
_TIME = (1980, 1, 1, 0, 0, 0)
_MAIN = "import sys\nfrom mayfly.runner.main import main\nsys.exit(main())\n"
_SHEBANG = b"#!/usr/bin/env python3\n"
_UNIT = "mayfly-runner.service"
_SHELL_UNIT = "mayfly-shell.service"
_SYSTEMD = "/etc/systemd/system"
RUNNER_FILE = "/opt/mayfly/mayfly-runner.pyz"
UNIT_FILE = f"{_SYSTEMD}/{_UNIT}"
UNIT_LINK = f"{_SYSTEMD}/multi-user.target.wants/{_UNIT}"
"""Where a guest has the runner, its unit, and the link to the unit that enables it."""
SHELL_UNIT_FILE = f"{_SYSTEMD}/{_SHELL_UNIT}"
SHELL_UNIT_LINK = f"{_SYSTEMD}/multi-user.target.wants/{_SHELL_UNIT}"


def build_zipapp() -> bytes:
    """`mayfly-runner.pyz`: executable with `python3 mayfly-runner.pyz serve PORT`."""
    buffer = io.BytesIO(_SHEBANG)
    buffer.seek(0, io.SEEK_END)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (("__main__.py", _MAIN.encode()), *_sources()):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return buffer.getvalue()


def digest(zipapp: bytes) -> str:
    """The SHA-256 that names this version of the runner."""
    return hashlib.sha256(zipapp).hexdigest()


def unit() -> str:
    """The systemd unit that starts the runner in a guest."""
    return Path(__file__).with_name(_UNIT).read_text()


def shell_unit() -> str:
    """The systemd unit of the shell service, which is part of the same file."""
    return Path(__file__).with_name(_SHELL_UNIT).read_text()


def _sources() -> Iterator[tuple[str, bytes]]:
    root = Path(mayfly.__file__).parent
    yield "mayfly/__init__.py", (root / "__init__.py").read_bytes()
    for package in _PACKAGES:
        for file in sorted((root / package).rglob("*.py")):
            yield f"mayfly/{file.relative_to(root)}", file.read_bytes()
