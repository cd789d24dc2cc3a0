"""Makes the archive that a recipe lays over an image, and such a recipe."""

import hashlib
import io
import tarfile
from pathlib import Path

from tests.standins.github import runner

from mayfly.domain.architecture import Architecture

LISTENER = "bin/Runner.Listener"
PLACE = "/opt/actions-runner"


def write_archive(file: Path) -> str:
    """A .tar.gz with the program; its SHA-256."""
    program = b"#!/usr/bin/env python3\n" + Path(runner.__file__).read_bytes()
    with tarfile.open(file, "w:gz") as archive:
        for name, data, mode in ((LISTENER, program, 0o755), ("bin/Runner.version", b"0\n", 0o644)):
            entry = tarfile.TarInfo(f"./{name}")
            entry.size, entry.mode, entry.uid = len(data), mode, 12345
            archive.addfile(entry, io.BytesIO(data))
    return hashlib.sha256(file.read_bytes()).hexdigest()


def write_recipe(folder: Path, name: str = "stand-in", base: str = "default") -> Path:
    """A recipe's file: the base with the stand-in runner, for both architectures."""
    file = folder / "runner.tar.gz"
    digest = write_archive(file)
    lines = [f'name = "{name}"', f'base = "{base}"']
    for architecture in Architecture:
        lines += [
            f'[archives."{PLACE}".{architecture}]',
            f'url = "{file.as_uri()}"',
            f'sha256 = "{digest}"',
        ]
    recipe = folder / f"{name}.toml"
    recipe.write_text("\n".join(lines) + "\n")
    return recipe
