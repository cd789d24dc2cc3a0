"""Builds images side by side, each with its bar and stage; lines instead without a terminal."""

import asyncio
import sys
import time
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from mayfly.cli.image_view import print_built
from mayfly.cli.present import print_error
from mayfly.cli.terminal import say, wants_live
from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import ExitCode, MayflyError
from mayfly.machines.images import progress as stages
from mayfly.machines.images.builder import build
from mayfly.machines.images.recipe import Recipe
from mayfly.machines.images.store import Image, ImageStore
from mayfly.system.home import Home

_REDRAWS_A_SECOND = 8

Follow = Callable[[Architecture], Callable[[str, float | None], None]]
"""Shows one build: called with its stage and, when it has moved on, the fraction done."""


async def build_images(
    home: Home, recipe: Recipe, legs: Sequence[Architecture], *, rebuild: bool
) -> int:
    """Exit code: that of the first build that failed; the others go on to their end."""
    if wants_live(sys.stderr):
        with Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%  {task.fields[stage]:<12}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            refresh_per_second=_REDRAWS_A_SECOND,
        ) as bars:
            results = await _all(home, recipe, legs, _bar_of(bars, recipe), rebuild=rebuild)
    else:
        results = await _all(home, recipe, legs, _lines_of(recipe), rebuild=rebuild)
    store = ImageStore(home)
    exit_code = ExitCode.OK
    for result, seconds in results:
        if isinstance(result, MayflyError):
            print_error(result)
            exit_code = exit_code or result.exit_code
        else:
            print_built(store, result, seconds)
    return exit_code


async def _all(
    home: Home,
    recipe: Recipe,
    legs: Sequence[Architecture],
    follow: Follow,
    *,
    rebuild: bool,
) -> list[tuple[Image | MayflyError, float]]:
    """What each build came to, and the seconds it took."""

    async def one(leg: Architecture) -> tuple[Image | MayflyError, float]:
        started = time.monotonic()
        show = follow(leg)

        def observe(progress: stages.Progress) -> None:
            show(progress.stage.value, progress.fraction)

        try:
            image = await build(home, recipe, leg, observer=observe, rebuild=rebuild)
        except MayflyError as error:
            show("failed", None)
            return error, time.monotonic() - started
        show("ready", 1.0)
        return image, time.monotonic() - started

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(leg)) for leg in legs]
    return [task.result() for task in tasks]


def _bar_of(bars: Progress, recipe: Recipe) -> Follow:
    def follow(leg: Architecture) -> Callable[[str, float | None], None]:
        task = bars.add_task(f"{recipe.name} {leg}", total=1.0, stage="waiting")

        def show(stage: str, fraction: float | None) -> None:
            bars.update(task, completed=fraction, stage=stage)

        return show

    return follow


def _lines_of(recipe: Recipe) -> Follow:
    def follow(leg: Architecture) -> Callable[[str, float | None], None]:
        last = ""

        def show(stage: str, _fraction: float | None) -> None:
            nonlocal last
            if stage != last:
                last = stage
                say(f"{recipe.name} {leg}: {stage}")

        return show

    return follow
