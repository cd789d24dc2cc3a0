"""Builds images: `build` is all that callers need. How a root is made: see bootstrap.sh.

An unfinished build lives in a folder of its own that vanishes with it; its processes die with us,
and its mounts with them. Builds of different images run side by side; of two builds of the same
image the second waits for the first and takes its result.
"""

import asyncio
import collections
import contextlib
import os
import subprocess
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import HostCannot
from mayfly.machines.images.disk import require_space
from mayfly.machines.images.host import mapped_root, require
from mayfly.machines.images.initrd import MODULES, find_modules, write_initrd
from mayfly.machines.images.layers import lay_over
from mayfly.machines.images.manifest import FileEntry, Manifest
from mayfly.machines.images.plan import TOOLBOX_PACKAGES, BuildPlan, make_plan
from mayfly.machines.images.progress import Observer, ProgressReader, Stage, silent
from mayfly.machines.images.recipe import Recipe
from mayfly.machines.images.store import Image, ImageStore
from mayfly.machines.images.verify import sha256
from mayfly.machines.images.workspace import host_acquire, lay_out
from mayfly.system.home import Home
from mayfly.system.locks import locked_async
from mayfly.system.process import dies_with_parent, start

_FILES = ("root.erofs", "vmlinuz", "initrd", "kernel.config")
_NEEDED_DISK = 2 * 1024**3
_NEEDED_MEMORY = 3 * 1024**3
_LOG_TAIL_LINES = 15


async def build(
    home: Home,
    recipe: Recipe,
    architecture: Architecture,
    *,
    observer: Observer = silent,
    rebuild: bool = False,
) -> Image:
    """The image of a recipe: the one there is when nothing it is made of changed, or a new one.

    `rebuild` makes a new one in any case, with today's packages; of one with a base, the base.
    `observer` hears of both in turn. Raises HostCannot with the end of
    the log when the host lacks something or the build fails. May be cancelled at any time.
    """
    if recipe.base is not None:
        base = await build(home, recipe.base, architecture, observer=observer, rebuild=rebuild)
        return await lay_over(home, recipe, base, observer)
    store = ImageStore(home)
    plan = make_plan(recipe, architecture)
    before = store.find(recipe.name, architecture)
    async with locked_async(store.build_lock(recipe.name, architecture)):
        # What a build that we waited for has made is new enough.
        made = store.find(recipe.name, architecture)
        if made and (made != before or not rebuild):
            image = store.inspect(made)
            if image.manifest.recipe_digest == plan.digest:
                return image
        await require(architecture)
        require_space(home.images, _NEEDED_DISK, "building an image")
        with store.building() as folder:
            return await _build(home, store, plan, folder, ProgressReader(observer))


async def _build(
    home: Home, store: ImageStore, plan: BuildPlan, folder: Path, reader: ProgressReader
) -> Image:
    work, out, cache = folder / "work", folder / "out", home.root / "cache" / "apt"
    work.mkdir()
    out.mkdir()
    native = Architecture.of_host()
    acquire = await host_acquire()
    await asyncio.to_thread(lay_out, work, cache, plan, native, acquire=acquire)
    log = home.logs / f"image-{plan.recipe.name}-{plan.architecture}.log"
    await _bootstrap(plan, _environment(work, out, cache, plan, native), log, reader)
    boot = work / "boot"
    await asyncio.to_thread(
        write_initrd, out / "initrd", busybox=boot / "busybox", modules=find_modules(boot)
    )
    reader.enter(Stage.HASHING)
    manifest = await asyncio.to_thread(_manifest, plan, work, out)
    return await asyncio.to_thread(store.publish, out, manifest)


def _environment(
    work: Path, out: Path, cache: Path, plan: BuildPlan, native: Architecture
) -> dict[str, str]:
    return {
        "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin",
        "WORK": str(work),
        "OUT": str(out),
        "CACHE": str(cache),
        "MEMORY": "yes" if _in_memory() else "no",
        "ARCH": plan.architecture,
        "NATIVE": native,
        "PACKAGES": " ".join(plan.packages),
        "TOOLS": " ".join(TOOLBOX_PACKAGES),
        "MODULES": " ".join(MODULES),
        "KERNEL": plan.kernel,
        "COMPRESSION": "-zlz4",
    }


async def _bootstrap(
    plan: BuildPlan, environment: Mapping[str, str], log: Path, reader: ProgressReader
) -> None:
    namespaces = ["--mount", "--pid", "--fork", "--kill-child"]
    unshare = ["unshare"] if os.geteuid() == 0 else mapped_root()
    script = Path(environment["WORK"]) / "bootstrap.sh"
    with log.open("wb") as stream:
        async with _killed_at_end(
            await start(
                dies_with_parent([*unshare, *namespaces, "sh", str(script)]),
                stdout=subprocess.PIPE,
                stderr=stream.fileno(),
                env=environment,
                cwd=Path("/"),
            )
        ) as process:
            assert process.stdout is not None
            async for line in process.stdout:
                reader.feed(line.decode(errors="replace"))
            status = await process.wait()
    if status != 0:
        raise HostCannot(
            f"building image {plan.recipe.name} for {plan.architecture} failed "
            f"while {reader.stage}",
            details=_tail(log),
            remedy=f"the whole log is {log}",
        )


@contextlib.asynccontextmanager
async def _killed_at_end(
    process: asyncio.subprocess.Process,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """unshare kills the first process of its namespace when it dies, and that ends all others."""
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await asyncio.shield(process.wait())


def _manifest(plan: BuildPlan, work: Path, out: Path) -> Manifest:
    packages = (line.split(maxsplit=1) for line in (work / "packages").read_text().splitlines())
    return Manifest(
        recipe=plan.recipe.name,
        recipe_digest=plan.digest,
        architecture=plan.architecture,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        kernel=(work / "kernel-release").read_text().strip(),
        mayfly=version("mayfly-ci"),
        packages=dict(packages),
        files={name: FileEntry(sha256(out / name), (out / name).stat().st_size) for name in _FILES},
    )


def _in_memory() -> bool:
    """Whether to make the root in memory: several times quicker than on most disks.

    An ordinary user's build must: on a disk it would leave files of its mapped users, which the
    user could not delete after a crash.
    """
    available = _available_memory()
    if available >= _NEEDED_MEMORY:
        return True
    if os.geteuid() == 0:
        return False
    raise HostCannot(
        f"building an image without root needs {_NEEDED_MEMORY >> 20} MiB of free memory, "
        f"this host has {available >> 20} MiB",
        remedy="free some memory, or build as root, which uses the disk instead",
    )


def _available_memory() -> int:
    """Bytes; what the kernel could give without swapping."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def _tail(log: Path) -> str:
    with log.open(errors="replace") as stream:
        return "".join(collections.deque(stream, maxlen=_LOG_TAIL_LINES))
