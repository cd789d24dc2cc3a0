"""The token that clones a private repository goes to that repository, and to nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.server.github.fleet import REPOSITORY, fleet
from tests.virtual_time import virtual_time

from mayfly.store.rows import ProjectRow


@virtual_time
async def test_the_repository_of_the_project_is_read_with_a_token(tmp_path: Path) -> None:
    async with fleet(tmp_path) as here:
        await here.until(lambda: here.rows(ProjectRow))
        [project] = here.rows(ProjectRow)
        assert await here.ours.token(project)


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://elsewhere.test/{project}.git",
        "{home}/octo-org/payroll.git",
        "{home}/{project}/../payroll.git",
        "{home}.elsewhere.test/{project}.git",
    ],
)
@virtual_time
async def test_an_address_that_an_administrator_of_the_project_chose_gets_no_token(
    tmp_path: Path, elsewhere: str
) -> None:
    async with fleet(tmp_path) as here:
        await here.until(lambda: here.rows(ProjectRow))
        [project] = here.rows(ProjectRow)
        assert project.clone_url is not None
        home = project.clone_url.removesuffix(f"/{REPOSITORY}.git")
        url = elsewhere.format(home=home, project=REPOSITORY)
        assert await here.ours.token(replace(project, clone_url=url)) is None
