"""`mayfly up` and a clone sent to it, in real machines; and what is left when it is killed."""

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from tests.e2e.conftest import LABEL, home_beside, nothing_is_left
from tests.e2e.fleet import Fleet, fleet, status
from tests.replicas.site import until_said
from tests.services.gitting import commit, new_repository

from mayfly.domain.architecture import Architecture
from mayfly.system.home import Home

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

_AMD64, _ARM64 = Architecture.AMD64, Architecture.ARM64
_FILE = ".github/workflows/ci.yml"

BOTH = f"""\
on: push
jobs:
  build:
    runs-on: {LABEL % _AMD64}
    outputs:
      made: ${{{{ steps.make.outputs.made }}}}
    steps:
      - uses: actions/checkout@v4
      - id: make
        run: echo "made=$(cat greeting) of $(uname -m)" >> $GITHUB_OUTPUT
  test:
    needs: build
    runs-on: {LABEL % _ARM64}
    steps:
      - run: echo "${{{{ needs.build.outputs.made }}}}, shown on $(uname -m)"
"""

LONG = f"""\
on: push
jobs:
  long:
    runs-on: {LABEL % _AMD64}
    steps:
      - run: for tick in $(seq 20); do echo tick $tick; sleep 0.5; done
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(
    home: Home,
    prepared: Callable[[Architecture], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    clone = await new_repository(folder / "clone", {"greeting": "hello", _FILE: BOTH})
    (folder / "home").mkdir()
    async with fleet(home_beside(home, folder / "home"), folder, clone) as made:
        yield made
    assert "letting running jobs end" in made.up.said()
    await nothing_is_left(made.home, made.family())


async def test_a_clone_runs_on_both_architectures_and_its_logs_stay(running: Fleet) -> None:
    said = await running.says("run", "--server", running.url)
    assert "hello of x86_64, shown on aarch64" in said
    assert "2 jobs: 2 succeeded" in said
    jobs = await running.lists("jobs", "--all")
    test = next(job for job in jobs if job["key"] == "test")
    assert "hello of x86_64, shown on aarch64" in await running.says("logs", test["id"])


async def test_what_a_killed_fleet_ran_is_run_again(running: Fleet) -> None:
    await commit(running.clone, {_FILE: LONG})
    following = running.command("run", "--server", running.url)
    await following.start()
    await until_said(following, "tick 1")
    family = running.family()
    await running.up.kill()
    await nothing_is_left(running.home, family)
    await running.start()
    assert await status(following) == 0, following.said()
    assert following.said().count("tick 1\n") == 2
    assert following.said().count("tick 20\n") == 1
