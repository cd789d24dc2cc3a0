"""Takes the pictures of docs/dashboard.md: `python scripts/screens.py [FOLDER [all | NAME…]]`.

A server with a made-up fleet in memory is looked at by Chromium, in the light and in the dark, on a
desk and on a phone.
"""

import asyncio
import shutil
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.async_api import Page
from tests.server.web.scene import story
from tests.server.web.stage import PHONE, Stage, chromium, staged

from mayfly.domain.job import JobState
from mayfly.store.rows import JobRow, RunRow

_SETTLE_MS = 700
SHOWN = {"now", "now-phone", "run", "approve", "job-dark", "hosts", "insights"}
"""What the documentation shows."""


async def places(stage: Stage) -> dict[str, tuple[str, str]]:
    """Who looks at which page, by the names of their pictures."""
    site = stage.site
    failed = (await site.rows(JobRow, state=JobState.FAILED))[0]
    runs = await site.rows(RunRow, order="-created")
    deploy = next(row for row in runs if row.name == "Deploy")
    queued = (await site.rows(JobRow, state=JobState.QUEUED))[0]
    return {
        "now": ("root", "/"),
        "runs": ("root", "/runs"),
        "run": ("root", f"/runs/{failed.run}"),
        "approve": ("maintainer", f"/runs/{deploy.id}"),
        "job": ("root", f"/jobs/{failed.id}"),
        "waiting": ("root", f"/jobs/{queued.id}"),
        "hosts": ("root", "/hosts"),
        "host": ("root", "/hosts/epyc-01"),
        "insights": ("root", "/insights"),
        "projects": ("root", "/projects"),
        "project": ("root", "/projects/acme/site"),
        "members": ("root", "/projects/acme/site/members"),
        "environment": ("root", "/projects/acme/site/environments/production"),
        "people": ("root", "/people"),
        "tokens": ("root", "/tokens"),
        "audit": ("root", "/audit"),
        "github": ("root", "/github"),
        "error": ("root", "/runs/none"),
    }


async def shoot(page: Page, path: str, file: Path, *, whole: bool) -> None:
    await page.goto(path)
    await page.wait_for_timeout(_SETTLE_MS)
    await page.screenshot(path=file, full_page=whole, animations="disabled")


async def main(folder: Path, wanted: set[str]) -> None:
    program = shutil.which("chromium")
    if program is None:
        sys.exit("chromium is not there: make setup installs it")
    looks: dict[str, dict[str, Any]] = {
        "": {},
        "-dark": {"color_scheme": "dark"},
        "-phone": {"viewport": PHONE, "device_scale_factor": 1.5, "is_mobile": True},
    }
    async with chromium(program) as browser, staged(browser, await story(time.time())) as stage:
        for suffix, options in looks.items():
            for name, (person, path) in (await places(stage)).items():
                if f"{name}{suffix}" not in wanted and wanted != {"all"}:
                    continue
                page = await stage.page(person, **options)
                file = folder / f"{name}{suffix}.png"
                await shoot(page, path, file, whole=suffix != "-phone")


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/screens")
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(target, set(sys.argv[2:]) or SHOWN))
