"""What a webhook may change."""

from pathlib import Path

from tests.server.github.fleet import fleet
from tests.standins.github.in_process import now
from tests.virtual_time import virtual_time

from mayfly.forges.github import events, model
from mayfly.server.github.news import News
from mayfly.server.github.places import Places
from mayfly.store.forge_rows import InstallationRow


@virtual_time
async def test_an_app_has_no_say_on_installations_of_another(tmp_path: Path) -> None:
    async with fleet(tmp_path) as here:
        await here.until(lambda: here.rows(InstallationRow))
        before = here.rows(InstallationRow)
        services = here.services
        news = News(Places(services.orchestrator, now, services.new_id), now)
        seen = model.Installation(int(before[0].id), "elsewhere", False, {}, False)
        event = events.InstallationChanged("deleted", seen, ())
        await here.store.serial(lambda tx: news.take(tx, "999", "delivery", event))
        assert here.rows(InstallationRow) == before
