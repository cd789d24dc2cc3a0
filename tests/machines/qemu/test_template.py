"""Templates: sealed, checked when loaded, made anew when damaged, never written again."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mayfly.domain.architecture import Architecture
from mayfly.machines.base import MachineSpec
from mayfly.machines.qemu.template import Template, TemplateDamaged, TemplateStore, template_key

FILES = ("memory", "state", "scratch", "overlay")
KEY = "k" * 32
MIB = 1024 * 1024


@pytest.fixture
def store(tmp_path: Path) -> TemplateStore:
    (tmp_path / "root").write_bytes(b"image")
    return TemplateStore(tmp_path)


def publish(store: TemplateStore, key: str = KEY) -> None:
    with store.building() as folder:
        for name in FILES:
            (folder / name).write_bytes(name.encode())
        with (folder / "memory").open("r+b") as memory:
            memory.truncate(8 * MIB)
            memory.seek(5 * MIB)
            memory.write(b"far")
        store.publish(folder, key)


@contextlib.contextmanager
def loaded(store: TemplateStore, folder: Path) -> Iterator[Template]:
    template = store.load(KEY, "tcg", folder / "root")
    yield template
    template.close()


def test_what_was_published_is_loaded(store: TemplateStore, tmp_path: Path) -> None:
    assert not store.exists(KEY)
    publish(store)
    assert store.exists(KEY)
    with loaded(store, tmp_path) as template:
        assert os.fstat(template.memory).st_size == 8 * MIB
        assert os.pread(template.memory, 6, 0) == b"memory"
        assert os.pread(template.memory, 3, 5 * MIB) == b"far"
        assert (template.state, template.overlay) == (b"state", b"overlay")
        assert os.pread(template.scratch, 10, 0) == b"scratch"
        assert os.pread(template.root, 10, 0) == b"image"


def test_the_memory_of_a_template_cannot_be_written(store: TemplateStore, tmp_path: Path) -> None:
    publish(store)
    with loaded(store, tmp_path) as template:
        with pytest.raises(PermissionError):
            os.pwrite(template.memory, b"x", 0)
        with pytest.raises(PermissionError):
            os.ftruncate(template.memory, 1)
        again = os.open(f"/proc/self/fd/{template.memory}", os.O_RDWR | os.O_CLOEXEC)
        with pytest.raises(PermissionError):
            os.pwrite(again, b"x", 0)
        os.close(again)


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_is_noticed_and_the_template_removed(
    store: TemplateStore, tmp_path: Path, name: str
) -> None:
    publish(store)
    file = tmp_path / KEY / name
    file.chmod(0o600)
    with file.open("r+b") as opened:
        opened.write(b"X")
    with pytest.raises(TemplateDamaged, match=f"damaged: {name}$"):
        store.load(KEY, "tcg", tmp_path / "root")
    assert not store.exists(KEY)
    publish(store)
    with loaded(store, tmp_path):
        pass


@pytest.mark.parametrize("name", [*FILES, "seal.json"])
def test_a_missing_file_is_damage(store: TemplateStore, tmp_path: Path, name: str) -> None:
    publish(store)
    (tmp_path / KEY / name).unlink()
    with pytest.raises(TemplateDamaged):
        store.load(KEY, "tcg", tmp_path / "root")


def test_a_seal_that_is_no_json_is_damage(store: TemplateStore, tmp_path: Path) -> None:
    publish(store)
    (tmp_path / KEY / "seal.json").write_text("{")
    with pytest.raises(TemplateDamaged):
        store.load(KEY, "tcg", tmp_path / "root")


def test_a_failed_load_keeps_no_descriptor(store: TemplateStore, tmp_path: Path) -> None:
    publish(store)
    (tmp_path / KEY / "state").unlink()
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(TemplateDamaged):
        store.load(KEY, "tcg", tmp_path / "root")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_build_that_fails_leaves_nothing(store: TemplateStore, tmp_path: Path) -> None:
    before = sorted(path.name for path in tmp_path.iterdir())

    def build() -> None:
        with store.building() as folder:
            (folder / "memory").touch()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        build()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted({*before, ".lock"})


def test_reaping_removes_the_builds_of_the_dead_only(store: TemplateStore, tmp_path: Path) -> None:
    publish(store)
    dead = tmp_path / ".building-dead"
    dead.mkdir()
    (dead / "owner").touch()
    bare = tmp_path / ".building-bare"
    bare.mkdir()
    with store.building() as living:
        assert store.reap() == [bare, dead]
        assert living.exists()
    assert store.exists(KEY)
    assert store.reap() == []


def test_pruning_spares_what_was_loaded_lately(store: TemplateStore, tmp_path: Path) -> None:
    publish(store)
    publish(store, "old")
    long_ago = time.time() - 10_000
    os.utime(tmp_path / "old" / "seal.json", (long_ago, long_ago))
    os.utime(tmp_path / KEY / "seal.json", (long_ago, long_ago))
    with loaded(store, tmp_path):
        assert store.prune(5000, time.time()) == [tmp_path / "old"]
    assert store.exists(KEY)


def test_the_key_covers_everything_a_snapshot_depends_on() -> None:
    spec = MachineSpec("default", Architecture.AMD64, 2, 4096)
    others = [
        MachineSpec("default", Architecture.ARM64, 2, 4096),
        MachineSpec("default", Architecture.AMD64, 1, 4096),
        MachineSpec("default", Architecture.AMD64, 2, 2048),
        MachineSpec("default", Architecture.AMD64, 2, 4096, disk_gib=8),
    ]
    keys = [template_key(each, "a", "b") for each in (spec, *others)]
    keys += [template_key(spec, "a"), template_key(spec, "ab"), template_key(spec, "a", "c")]
    assert len(set(keys)) == len(keys)
    assert template_key(spec, "a", "b") == keys[0]
