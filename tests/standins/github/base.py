"""What the stand-in consists of, and who may see what."""

import functools
import random
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from tests.standins.github.actions import Actions
from tests.standins.github.announcements import Announcements
from tests.standins.github.faults import Faults
from tests.standins.github.hooks import Check, Hooks
from tests.standins.github.limits import IssuedToken, Limits, Meter, Refuse, app_of
from tests.standins.github.payloads import Payloads
from tests.standins.github.runners import Runners
from tests.standins.github.setting import Setting
from tests.standins.github.timers import Timers
from tests.standins.github.world import Account, App, Installation, Repository

from mayfly.system.changes import Changes

TOKEN_LIFE = 3600.0  # seconds


def _unchecked(event: str, payload: dict[str, Any]) -> None:
    """Webhooks are sent as they are."""


class Base:
    """A context manager: what it does later ends with it.

    `url` is where `asgi` is served, `http` is what webhooks are sent with; the caller closes it.
    `clock` gives seconds since 1970. `check_webhook` sees each payload before it is sent, as
    `contract.check_webhook` does.
    """

    def __init__(
        self,
        *,
        url: str,
        http_client: httpx.AsyncClient,
        clock: Callable[[], float],
        rng: random.Random,
        check_webhook: Check = _unchecked,
    ):
        self.web_url = url.rstrip("/")
        self.api_path = "/api/v3"
        self.api_url = self.web_url + self.api_path
        self.clock = clock
        self.rng = rng
        self.faults = Faults()
        self.limits = Limits()
        self.token_life = TOKEN_LIFE
        self.visitor = "monalisa"
        self.at_once = 0
        self.accounts: dict[str, Account] = {}
        self.apps: dict[int, App] = {}
        self.installations: dict[int, Installation] = {}
        self.repositories: dict[str, Repository] = {}
        self.codes: dict[str, App] = {}
        self.setup_urls: dict[int, str] = {}
        self.changes = Changes()
        self.payloads = Payloads(self.api_url, self.web_url)
        self._ids = 1000
        self._tokens: dict[str, IssuedToken] = {}
        self._environments: dict[str, int] = {}
        self._timers = Timers()
        self.setting = Setting(clock, rng, self.faults, self._timers)
        self.meter = Meter(self.limits, clock)
        self.hooks = Hooks(http_client, self.setting, check_webhook)
        self.announcements = Announcements(self)
        self.runners = Runners(f"{self.web_url}/_runner", self.setting)
        self.actions = Actions(
            self.runners,
            self.setting,
            tell=self.announcements.job,
            wake=self.changes.announce,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._timers.stop()

    async def delivered(self) -> None:
        """Waits until all webhooks have been sent, and those that followed from them."""
        await self._timers.settled()

    def next_id(self) -> int:
        self._ids += 1
        return self._ids

    def app_of(self, token: str) -> App:
        """Raises Refuse."""
        return app_of(token, self.apps, public_key(), self.clock())

    def issue_token(self, installation: Installation) -> tuple[str, float]:
        """The token, and when it expires."""
        token = f"ghs_{self.rng.getrandbits(180):045x}"
        expires = self.clock() + self.token_life
        self._tokens[token] = IssuedToken(installation, expires)
        return token, expires

    def revoke_tokens(self) -> None:
        """All that were issued work no more."""
        self._tokens.clear()

    def installation_of(self, token: str) -> Installation:
        """Raises Refuse."""
        issued = self._tokens.get(token)
        if issued is None or issued.expires <= self.clock() or issued.installation.deleted:
            raise Refuse(401, "Bad credentials")
        if issued.installation.suspended is not None:
            raise Refuse(403, "This installation has been suspended")
        return issued.installation

    def may_see(self, installation: Installation | None, repository: Repository) -> bool:
        if installation is None or installation.deleted:
            return False
        chosen = installation.repositories
        return installation.account is repository.owner and (
            chosen is None or repository.full_name.lower() in chosen
        )

    def seen_by(self, installation: Installation) -> list[Repository]:
        return [each for each in self.repositories.values() if self.may_see(installation, each)]

    def environment_id(self, name: str) -> int:
        return self._environments.setdefault(name, len(self._environments) + 1)

    def environment_name(self, id_: int) -> str:
        return next((name for name, known in self._environments.items() if known == id_), "")


def private_key() -> str:
    """In PEM, the same for all apps."""
    return _keys()[0]


def public_key() -> str:
    """What it is checked with."""
    return _keys()[1]


@functools.cache
def _keys() -> tuple[str, str]:
    """Private and public; once, as making them takes long."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()
