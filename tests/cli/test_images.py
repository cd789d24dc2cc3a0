"""Images on the command line: listed, inspected, built side by side."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.machines.images.images import publish

from mayfly.cli import image_build
from mayfly.cli.image_view import print_image, print_images
from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import HostCannot
from mayfly.machines.images.progress import Progress, Stage
from mayfly.machines.images.recipe import load_recipe
from mayfly.machines.images.store import Image, ImageStore
from mayfly.system.home import Home

BOTH = [Architecture.AMD64, Architecture.ARM64]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_a_list_names_what_is_there(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    store = ImageStore(home)
    old = publish(store, created="2026-01-01T10:00:00+00:00")
    new = publish(store, created="2026-02-01T10:00:00+00:00")
    print_images(store, json=False)
    header, first, second = capsys.readouterr().out.splitlines()
    assert header.split() == ["name", "arch", "digest", "built", "size", "kernel"]
    assert first.split()[:3] == ["default", "amd64", new.digest[:12]]
    assert second.split()[:3] == ["(replaced)", "amd64", old.digest[:12]]
    print_images(store, json=True)
    documents = json.loads(capsys.readouterr().out)
    assert [document["digest"] for document in documents] == [new.digest, old.digest]


def test_an_image_shows_its_files_and_packages(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ImageStore(home)
    image = publish(store)
    print_image(store, image, json=False)
    text = capsys.readouterr().out
    assert image.digest in text
    assert f"sha256:{image.manifest.files['root.erofs'].sha256}" in text
    assert "bash 5.2" in text
    print_image(store, image, json=True)
    assert json.loads(capsys.readouterr().out)["packages"] == {"bash": "5.2"}


async def test_images_are_built_at_the_same_time_and_each_tells_its_stages(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: list[Architecture] = []
    everyone = asyncio.Event()

    async def build(home: Home, _recipe: object, leg: Architecture, **options: Any) -> Image:
        started.append(leg)
        if len(started) == 2:
            everyone.set()
        await everyone.wait()  # for ever, were they built one after the other
        for fraction in (0.1, 0.2):
            options["observer"](Progress(Stage.EXTRACTING, fraction))
        return publish(ImageStore(home), architecture=leg)

    monkeypatch.setattr(image_build, "build", build)
    assert await image_build.build_images(home, load_recipe("default"), BOTH, rebuild=False) == 0
    captured = capsys.readouterr()
    assert sorted(line.split()[1] for line in captured.out.splitlines()) == ["amd64", "arm64"]
    assert captured.err.count("default arm64: extracting") == 1


async def test_one_build_that_fails_does_not_end_the_other(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def build(home: Home, _recipe: object, leg: Architecture, **_options: Any) -> Image:
        if leg is Architecture.AMD64:
            raise HostCannot("no space", remedy="make some")
        await asyncio.sleep(0)
        return publish(ImageStore(home), architecture=leg)

    monkeypatch.setattr(image_build, "build", build)
    assert await image_build.build_images(home, load_recipe("default"), BOTH, rebuild=False) == 3
    captured = capsys.readouterr()
    assert "arm64" in captured.out
    assert "error: no space" in captured.err
    assert "remedy: make some" in captured.err
