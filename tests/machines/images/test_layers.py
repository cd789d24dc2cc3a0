"""Images with a base: what they share with it, what is theirs, and when they are made anew."""

from pathlib import Path

import pytest
from tests.machines.images.images import publish
from tests.standins.runner.archive import LISTENER, PLACE, write_recipe

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import HostCannot, InvalidInput
from mayfly.machines.images.layers import lay_over
from mayfly.machines.images.progress import Progress, Stage, silent
from mayfly.machines.images.recipe import Recipe, load_recipe
from mayfly.machines.images.store import Image, ImageStore
from mayfly.machines.images.verify import sha256
from mayfly.system.home import Home
from mayfly.system.process import run

AMD64 = Architecture.AMD64


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    return load_recipe(str(write_recipe(tmp_path)))


@pytest.fixture
def base(home: Home) -> Image:
    return publish(ImageStore(home))


async def test_the_files_of_the_base_are_shared(home: Home, recipe: Recipe, base: Image) -> None:
    image = await lay_over(home, recipe, base, silent)
    store = ImageStore(home)
    assert image.digest != base.digest
    assert store.find("stand-in", AMD64) == image.digest
    assert store.find("default", AMD64) == base.digest
    for name in base.manifest.files:
        assert (image.folder / name).samefile(base.folder / name)
    store.verify(image, full=True)
    store.verify(base, full=True)
    store.remove(base.digest)
    store.verify(image, full=True)


async def test_the_layer_holds_the_archive_for_the_runner(
    home: Home, recipe: Recipe, base: Image, tmp_path: Path
) -> None:
    image = await lay_over(home, recipe, base, silent)
    assert image.layer is not None
    assert base.layer is None
    await run(["fsck.erofs", f"--extract={tmp_path / 'out'}", str(image.layer)])
    listener = tmp_path / "out" / PLACE[1:] / LISTENER
    assert listener.read_bytes().startswith(b"#!/usr/bin/env python3\n")
    assert listener.stat().st_mode & 0o777 == 0o755
    assert (listener.stat().st_uid, listener.stat().st_gid) == (1001, 1001)


async def test_it_is_made_once(home: Home, recipe: Recipe, base: Image) -> None:
    stages: list[Stage] = []

    def observe(progress: Progress) -> None:
        stages.append(progress.stage)

    one = await lay_over(home, recipe, base, observe)
    assert stages == [Stage.DOWNLOADING, Stage.EXTRACTING, Stage.PACKING, Stage.HASHING]
    stages.clear()
    assert (await lay_over(home, recipe, base, observe)).digest == one.digest
    assert stages == []


async def test_a_new_base_makes_a_new_image(home: Home, recipe: Recipe, base: Image) -> None:
    one = await lay_over(home, recipe, base, silent)
    newer = publish(ImageStore(home), content=b"newer packages")
    two = await lay_over(home, recipe, newer, silent)
    assert one.manifest.recipe_digest != two.manifest.recipe_digest
    assert ImageStore(home).find("stand-in", AMD64) == two.digest


async def test_another_archive_or_place_makes_a_new_image(
    home: Home, base: Image, tmp_path: Path
) -> None:
    file = write_recipe(tmp_path)
    digests = [(await lay_over(home, load_recipe(str(file)), base, silent)).digest]
    file.write_text(file.read_text().replace(PLACE, "/opt/elsewhere"))
    digests.append((await lay_over(home, load_recipe(str(file)), base, silent)).digest)
    archive = tmp_path / "runner.tar.gz"
    before = sha256(archive)
    archive.write_bytes(archive.read_bytes() + bytes(10240))
    file.write_text(file.read_text().replace(before, sha256(archive)))
    digests.append((await lay_over(home, load_recipe(str(file)), base, silent)).digest)
    assert len(set(digests)) == 3


async def test_an_archive_that_is_not_the_one_leaves_no_image(
    home: Home, recipe: Recipe, base: Image, tmp_path: Path
) -> None:
    (tmp_path / "runner.tar.gz").write_bytes(b"not the one")
    with pytest.raises(HostCannot, match="cannot fetch file:///"):
        await lay_over(home, recipe, base, silent)
    assert ImageStore(home).find("stand-in", AMD64) is None
    assert list(home.images.glob(".building-*")) == []


async def test_what_is_no_archive_is_told(home: Home, base: Image, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path)
    archive = tmp_path / "runner.tar.gz"
    before = sha256(archive)
    archive.write_bytes(b"")
    recipe.write_text(recipe.read_text().replace(before, sha256(archive)))
    with pytest.raises(HostCannot, match="cannot make the layer"):
        await lay_over(home, load_recipe(str(recipe)), base, silent)
    assert list(home.images.glob(".building-*")) == []


async def test_an_architecture_without_an_archive_is_told(
    home: Home, base: Image, tmp_path: Path
) -> None:
    file = write_recipe(tmp_path)
    lines = file.read_text().splitlines(keepends=True)
    at = lines.index(f'[archives."{PLACE}".amd64]\n')
    file.write_text("".join(lines[:at] + lines[at + 3 :]))
    with pytest.raises(InvalidInput, match=f"no archive for {PLACE} on amd64"):
        await lay_over(home, load_recipe(str(file)), base, silent)
