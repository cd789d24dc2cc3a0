"""A job of GitHub from its webhook to its end, and that nothing is left of it."""

from pathlib import Path

from tests.server.github.fleet import fleet
from tests.virtual_time import virtual_time

from mayfly.domain.job import Conclusion, JobState
from mayfly.store.forge_rows import ForgeJobRow
from mayfly.store.rows import RunKind, RunRow


@virtual_time
async def test_a_queued_job_runs_on_the_fleet_and_leaves_nothing(tmp_path: Path) -> None:
    async with fleet(tmp_path) as here:
        run = here.queue("build")
        await here.done(run)
        assert run.conclusion == "success"
        [row] = here.rows(RunRow)
        assert (row.kind, row.conclusion) == (RunKind.GITHUB, Conclusion.SUCCESS)
        assert (row.name, row.sha, row.project) == ("CI / build", run.head_sha, "octo-org/site")
        [job] = here.jobs()
        assert job.state is JobState.SUCCEEDED
        assert [row.status for row in here.rows(ForgeJobRow)] == ["completed"]
        assert list(here.guests.ran.values()) == [1]
