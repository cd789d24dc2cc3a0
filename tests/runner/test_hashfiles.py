"""hashFiles: which files count, and the digest."""

import hashlib
from pathlib import Path

import pytest

from mayfly.runner.hashfiles import hash_files

FILES = ("a.lock", "b.txt", "sub/a.lock", "sub/deep/c.lock", "sub/deep/d.txt", ".hidden/a.lock")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "loop").symlink_to(tmp_path)
    return tmp_path


def digest_of(*names: str) -> str:
    total = hashlib.sha256()
    for name in names:
        total.update(hashlib.sha256(name.encode()).digest())
    return total.hexdigest() if names else ""


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (["a.lock"], ("a.lock",)),
        (["*.lock"], ("a.lock",)),
        (["**/*.lock"], (".hidden/a.lock", "a.lock", "sub/a.lock", "sub/deep/c.lock")),
        (["sub/**"], ("sub/a.lock", "sub/deep/c.lock", "sub/deep/d.txt")),
        (["sub"], ("sub/a.lock", "sub/deep/c.lock", "sub/deep/d.txt")),
        (["sub/**", "!**/*.txt"], ("sub/a.lock", "sub/deep/c.lock")),
        (["sub/**\n!sub/deep/**\nsub/deep/d.txt"], ("sub/a.lock", "sub/deep/d.txt")),
        (["?.txt", "b.txt"], ("b.txt",)),
        (["[ab].*"], ("a.lock", "b.txt")),
        (["[!a].*"], ("b.txt",)),
        (["./sub/../a.lock"], ("a.lock",)),
        (["none*"], ()),
        (["../*"], ()),
        (["# comment"], ()),
    ],
)
def test_patterns(workspace: Path, patterns: list[str], names: tuple[str, ...]) -> None:
    assert hash_files(workspace, patterns) == digest_of(*names)
