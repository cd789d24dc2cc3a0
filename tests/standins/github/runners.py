"""The stand-in's registrations of runners, and how lists lie about them."""

import base64
import json
from collections.abc import Iterator

from tests.standins.github.setting import Setting
from tests.standins.github.world import Account, Repository, Runner

ONLINE_FOR = 60.0  # seconds after its last sign of life a runner is still called online


class NameTaken(Exception):
    """Another runner of the scope has the name."""


class StillBusy(Exception):
    """The runner is in the middle of a job."""


class Runners:
    """`url` is where runners connect to."""

    def __init__(self, url: str, setting: Setting):
        self._url = url
        self._setting = setting
        self.all: dict[int, Runner] = {}
        self._by_secret: dict[str, Runner] = {}

    def register(
        self,
        account: Account,
        repository: Repository | None,
        *,
        name: str,
        group: int,
        labels: tuple[str, ...],
    ) -> Runner:
        if any(each.name == name for each in self.present(account, repository)):
            raise NameTaken
        secret = f"{self._setting.rng.getrandbits(160):040x}"
        runner = Runner(
            id=len(self.all) + 1,
            name=name,
            account=account,
            repository=repository,
            group=group,
            labels=labels,
            secret=secret,
            created=self._setting.clock(),
        )
        self.all[runner.id] = self._by_secret[secret] = runner
        if self._setting.chance(self._setting.faults.registration_vanishes):
            self.take_away(runner)
        elif (patience := self._setting.faults.evict_idle_after) is not None:
            self._setting.timers.after(patience, lambda: self._evict(runner))
        return runner

    def remove(self, runner: Runner) -> None:
        """As DELETE does."""
        if runner.job is not None and not self._setting.faults.delete_while_busy:
            raise StillBusy
        self.take_away(runner)

    def take_away(self, runner: Runner) -> None:
        """Its session ends at its next word; a job that it runs goes on."""
        if runner.removed is None:
            runner.removed = self._setting.clock()
        if runner.job is None:
            runner.session = None

    def present(self, account: Account, repository: Repository | None) -> Iterator[Runner]:
        """Those that are registered at this scope, really."""
        for runner in self.all.values():
            here = (runner.account, runner.repository) == (account, repository)
            if here and runner.removed is None:
                yield runner

    def listed(self, account: Account, repository: Repository | None) -> list[Runner]:
        """Those that a list shows."""
        moment = self._setting.clock() - self._setting.faults.list_lag
        return [
            runner
            for runner in self.all.values()
            if (runner.account, runner.repository) == (account, repository)
            and runner.created <= moment
            and (runner.removed is None or runner.removed > moment)
        ]

    def by_secret(self, secret: str) -> Runner | None:
        """The registration that a runner proves to be; a removed one while its job goes on."""
        runner = self._by_secret.get(secret)
        if runner is None or (runner.removed is not None and runner.job is None):
            return None
        return runner

    def is_online(self, runner: Runner) -> bool:
        session = runner.session
        return session is not None and (
            session.polling or self._setting.clock() - session.seen < ONLINE_FOR
        )

    def looks_busy(self, runner: Runner) -> bool:
        lies = self._setting.chance(self._setting.faults.busy_lies)
        return runner.job is not None and not lies

    def config(self, runner: Runner) -> str:
        """What is handed to the runner: files by name, each in base64, in base64."""
        where = runner.repository.full_name if runner.repository else runner.account.login
        files = {
            ".runner": {
                "agentId": runner.id,
                "agentName": runner.name,
                "serverUrl": self._url,
                "gitHubUrl": where,
                "workFolder": "_work",
                "ephemeral": True,
            },
            ".credentials": {"scheme": "OAuth", "data": {"clientId": str(runner.id)}},
            ".credentials_rsaparams": {"secret": runner.secret},
        }
        encoded = {
            name: base64.b64encode(json.dumps(content).encode()).decode()
            for name, content in files.items()
        }
        return base64.b64encode(json.dumps(encoded).encode()).decode()

    def _evict(self, runner: Runner) -> None:
        if runner.job is None:
            self.take_away(runner)
