"""Building, with the real namespaces and processes around scripts that make a tiny image."""

import asyncio
import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import HostCannot
from mayfly.machines.images import builder, workspace
from mayfly.machines.images.builder import build
from mayfly.machines.images.initrd import MODULES
from mayfly.machines.images.progress import Progress, Stage
from mayfly.machines.images.recipe import Recipe
from mayfly.machines.images.store import ImageStore
from mayfly.system.home import Home

RECIPE = Recipe("tiny")
AMD64, ARM64 = Architecture.AMD64, Architecture.ARM64

MAKE = """
set -eu
echo "stage: resolving"
echo "making $ARCH" >&2
echo run >>"$CACHE/runs"
mkdir "$WORK/boot"
for name in $MODULES; do echo "$name" >"$WORK/boot/$name.ko"; done
echo busybox >"$WORK/boot/busybox"
echo "bash 5.2" >"$WORK/packages"
echo 6.1.0-1-cloud >"$WORK/kernel-release"
for name in root.erofs vmlinuz kernel.config; do echo "$ARCH" >"$OUT/$name"; done
echo "stage: packing"
"""
FAIL = 'echo "stage: configuring"; echo "E: no such package" >&2; exit 100'
HANG = """
mount -t tmpfs tmpfs "$OUT"
echo "stage: extracting"
sleep 1000 & sleep 1000
"""


def namespaces_work() -> bool:
    if os.geteuid() != 0:
        return False
    return (
        subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], check=False).returncode
        == 0
    )


pytestmark = pytest.mark.skipif(
    not namespaces_work(), reason="needs root that may make mount and process namespaces"
)


class Bench:
    """A home, and the script that stands in for bootstrap.sh."""

    def __init__(self, home: Home, monkeypatch: pytest.MonkeyPatch):
        self.home = home
        self.cache = home.root / "cache" / "apt"
        self.store = ImageStore(home)
        self.script = MAKE
        self.told: list[Progress] = []
        monkeypatch.setattr(workspace, "source", lambda _name: self.script)

    async def build(self, architecture: Architecture = AMD64, *, rebuild: bool = False) -> str:
        image = await build(
            self.home, RECIPE, architecture, observer=self.told.append, rebuild=rebuild
        )
        return image.digest

    @property
    def runs(self) -> int:
        return len((self.cache / "runs").read_text().splitlines())

    def leftovers(self) -> list[Path]:
        return list(self.home.images.glob(".building-*"))


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    async def nothing_required(_architecture: Architecture) -> None:
        pass

    monkeypatch.setattr(builder, "require", nothing_required)
    return Bench(Home(tmp_path), monkeypatch)


async def test_an_image_says_where_it_comes_from(bench: Bench) -> None:
    digest = await bench.build()
    image = bench.store.open("tiny", AMD64)
    assert image.digest == digest
    assert image.manifest.packages == {"bash": "5.2"}
    assert image.manifest.kernel == "6.1.0-1-cloud"
    assert sorted(image.manifest.files) == ["initrd", "kernel.config", "root.erofs", "vmlinuz"]
    assert MODULES[-1].encode() in image.initrd.read_bytes()
    assert bench.leftovers() == []


async def test_progress_reaches_the_observer(bench: Bench) -> None:
    await bench.build()
    assert [progress.stage for progress in bench.told] == [Stage.PACKING, Stage.HASHING]


async def test_nothing_is_built_when_nothing_changed(bench: Bench) -> None:
    digests = {await bench.build(), await bench.build()}
    assert len(digests) == 1
    assert bench.runs == 1
    await bench.build(rebuild=True)
    assert bench.runs == 2


async def test_two_builds_of_one_image_share_the_result(bench: Bench) -> None:
    digests = await asyncio.gather(bench.build(rebuild=True), bench.build(rebuild=True))
    assert len(set(digests)) == 1
    assert bench.runs == 1


async def test_both_architectures_build_side_by_side(bench: Bench) -> None:
    first, second = await asyncio.gather(bench.build(AMD64), bench.build(ARM64))
    assert bench.store.find("tiny", AMD64) == first
    assert bench.store.find("tiny", ARM64) == second


async def test_a_failure_shows_the_end_of_the_log(bench: Bench) -> None:
    bench.script = FAIL
    with pytest.raises(HostCannot, match="image tiny for amd64 failed while configuring") as caught:
        await bench.build()
    log = bench.home.logs / "image-tiny-amd64.log"
    assert caught.value.details == "E: no such package\n" == log.read_text()
    assert str(log) in (caught.value.remedy or "")
    assert bench.leftovers() == []
    assert bench.store.list() == []


def processes_of(home: Home) -> list[int]:
    """Descriptors of the build's processes: those with this home in their environment."""
    wanted = str(home.root).encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        pid = int(path.parent.name)
        with contextlib.suppress(OSError):  # it ended meanwhile
            if pid != os.getpid() and wanted in path.read_bytes():
                found.append(os.pidfd_open(pid))
    return found


def wait_for_end(processes: list[int]) -> None:
    """Blocks until all of them ended; a test that hangs here has found a survivor."""
    for descriptor in processes:
        select.select([descriptor], [], [])
        os.close(descriptor)


async def test_cancelling_ends_every_process_and_deletes_the_folder(bench: Bench) -> None:
    bench.script = HANG
    hanging = asyncio.Event()

    def observe(progress: Progress) -> None:
        if progress.stage is Stage.EXTRACTING:
            hanging.set()

    task = asyncio.create_task(build(bench.home, RECIPE, AMD64, observer=observe))
    await hanging.wait()
    processes = processes_of(bench.home)
    assert processes
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    wait_for_end(processes)
    assert bench.leftovers() == []


BUILD_ELSEWHERE = """
import asyncio, sys
from pathlib import Path
from mayfly.domain.architecture import Architecture
from mayfly.machines.images import builder, workspace
from mayfly.machines.images.recipe import Recipe
from mayfly.system.home import Home

async def nothing_required(_architecture):
    pass

builder.require = nothing_required
workspace.source = lambda _name: sys.argv[2]
asyncio.run(builder.build(
    Home(Path(sys.argv[1])), Recipe("tiny"), Architecture.AMD64,
    observer=lambda progress: print(progress.stage, flush=True),
))
"""


def test_kill_9_leaves_no_process_no_mount_and_what_reap_deletes(bench: Bench) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BUILD_ELSEWHERE, str(bench.home.root), HANG],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "extracting"
        processes = processes_of(bench.home)
        assert processes
        process.send_signal(signal.SIGKILL)
        process.wait()
    wait_for_end(processes)
    assert str(bench.home.root) not in Path("/proc/mounts").read_text()
    assert len(bench.leftovers()) == 1
    assert bench.store.reap()
    assert bench.leftovers() == []


async def test_a_full_disk_is_told_before_anything_starts(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")._replace(free=1024**3)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(HostCannot, match=r"needs 2048 MiB .* only 1024 MiB are free"):
        await bench.build()
    assert not bench.cache.exists()
