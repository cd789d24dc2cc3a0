import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.machines.images.images import publish

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import HostCannot, InvalidInput
from mayfly.machines.images.store import ImageStore
from mayfly.system.home import Home

AMD64, ARM64 = Architecture.AMD64, Architecture.ARM64


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def store(home: Home) -> ImageStore:
    return ImageStore(home)


def test_a_name_stands_for_the_newest_build_of_each_architecture(store: ImageStore) -> None:
    publish(store, content=b"old")
    new = publish(store, content=b"new")
    other = publish(store, architecture=ARM64)
    assert store.find("default", AMD64) == new.digest
    assert store.open("default", ARM64) == other
    assert store.names(new.digest) == ["default"]


def test_opens_by_digest_and_its_beginning(store: ImageStore) -> None:
    image = publish(store)
    assert store.open(image.digest, AMD64) == image
    assert store.open(image.digest[:6], AMD64) == image


def test_an_images_files_are_beside_its_manifest(store: ImageStore) -> None:
    image = publish(store, content=b"root")
    assert image.folder.name == image.digest
    assert image.root.read_bytes() == b"root"
    assert image.kernel.read_bytes() == b"kernel"
    assert image.size == len(b"root") + len(b"kernel") + len(b"first programs")
    assert image.root.stat().st_mode & 0o222 == 0


def test_publishing_the_same_content_twice_keeps_the_first(store: ImageStore) -> None:
    first = publish(store)
    inode = first.root.stat().st_ino
    assert publish(store) == first
    assert first.root.stat().st_ino == inode


def test_lists_the_newest_first(store: ImageStore) -> None:
    old = publish(store, content=b"old", created="2026-01-01T00:00:00+00:00")
    new = publish(store, content=b"new", created="2026-01-02T00:00:00+00:00")
    assert list(store.list()) == [new, old]


@pytest.mark.parametrize("ref", ["default", "../../etc", "", "abc", "f" * 64])
def test_what_does_not_exist_says_how_to_get_it(store: ImageStore, ref: str) -> None:
    with pytest.raises(InvalidInput, match="on this host") as caught:
        store.open(ref, AMD64)
    assert "mayfly image build" in (caught.value.remedy or "")


def test_the_other_architecture_is_refused(store: ImageStore) -> None:
    image = publish(store, architecture=ARM64)
    with pytest.raises(InvalidInput, match="is for arm64, not amd64"):
        store.open(image.digest, AMD64)


def test_a_name_of_two_architectures_is_ambiguous_without_one(store: ImageStore) -> None:
    publish(store)
    arm = publish(store, architecture=ARM64)
    with pytest.raises(InvalidInput, match="ambiguous"):
        store.inspect("default")
    assert store.inspect("default", ARM64) == arm


def test_a_damaged_image_does_not_open(store: ImageStore) -> None:
    image = publish(store)
    image.root.chmod(0o600)
    image.root.write_bytes(b"evil")
    with pytest.raises(HostCannot, match="not what was built"):
        store.open("default", AMD64)


def test_a_changed_manifest_does_not_open(store: ImageStore) -> None:
    image = publish(store)
    manifest = image.folder / "manifest.json"
    manifest.chmod(0o600)
    manifest.write_bytes(manifest.read_bytes().replace(b'"5.2"', b'"5.3"'))
    with pytest.raises(HostCannot, match="not the one its digest names"):
        store.open(image.digest, AMD64)


def test_removing_takes_the_names_along(store: ImageStore) -> None:
    image = publish(store)
    kept = publish(store, architecture=ARM64)
    assert store.remove(image.digest) == image.digest
    assert not image.folder.exists()
    assert store.find("default", AMD64) is None
    assert store.open("default", ARM64) == kept


def test_a_failed_build_leaves_nothing(store: ImageStore, home: Home) -> None:
    def fail() -> None:
        with store.building() as folder:
            (folder / "half").write_text("made")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [path.name for path in home.images.iterdir()] == [".lock"]


def test_reap_spares_builds_under_way(store: ImageStore) -> None:
    with store.building() as folder:
        assert store.reap() == []
        assert folder.exists()


BUILD_FOR_EVER = """
import sys
from pathlib import Path
from mayfly.machines.images.store import ImageStore
from mayfly.system.home import Home

with ImageStore(Home(Path(sys.argv[1]))).building() as folder:
    (folder / "half").write_text("made")
    print(folder, flush=True)
    sys.stdin.read()
"""


def test_reap_deletes_what_a_killed_build_left(store: ImageStore, home: Home) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BUILD_FOR_EVER, str(home.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        assert store.reap() == []
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert (folder / "half").exists()
    assert store.reap() == [folder]
    assert not folder.exists()
