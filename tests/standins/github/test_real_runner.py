"""The runner as a program of its own, and the stand-in on a port, as guests see them."""

import asyncio
import random
import sys
import time
from pathlib import Path

import httpx
import pytest
from tests.standins.github import runner
from tests.standins.github.serving import bound, serving
from tests.standins.github.stand_in import StandInGitHub
from tests.standins.github.world import JobSpec

from mayfly.forges.github.client import GitHubApp
from mayfly.forges.github.model import Scope

ORG = Scope("octo-org")


PROGRAM = Path(runner.__file__)


async def launch(config: str, folder: Path) -> tuple[int, str]:
    """As a guest does: one file, and the configuration in the environment."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        PROGRAM,
        "run",
        env={"ACTIONS_RUNNER_INPUT_JITCONFIG": config, "PATH": "/usr/bin:/bin"},
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, printed.decode()


@pytest.mark.parametrize(
    ("script", "conclusion", "log"),
    [
        ("echo one; echo two >&2", "success", ["one", "two"]),
        ("echo $ACTIONS_RUNNER_INPUT_JITCONFIG; exit 3", "failure", [""]),
    ],
)
async def test_a_program_runs_one_job(
    tmp_path: Path, script: str, conclusion: str, log: list[str]
) -> None:
    at = bound()
    url = f"http://127.0.0.1:{at.getsockname()[1]}"
    async with (
        httpx.AsyncClient() as http,
        StandInGitHub(url=url, http_client=http, clock=time.time, rng=random.Random(0)) as github,
        serving(github.asgi, at),
    ):
        repository = github.create_repository("octo-org/hello")
        app = github.create_app("octo-org", webhook_url="")
        installation = github.install(app, "octo-org")
        client = GitHubApp(
            http, app_id=app.id, private_key=app.pem, clock=time.time, base_url=github.api_url
        ).installation(installation.id)
        made = await client.generate_jit(ORG, name="mayfly-1", labels=["x"])
        run = github.start_run(repository, [JobSpec("build", ("x",), script)])
        code, printed = await launch(made.config, tmp_path)
        assert (code, printed) == (runner.DONE, "mayfly-1: Listening for Jobs\n")
        [job] = run.jobs
        assert (job.conclusion, job.log) == (conclusion, log)
        assert await client.runners(ORG) == ()
        assert await launch(made.config, tmp_path) == (runner.TERMINATED, printed)
