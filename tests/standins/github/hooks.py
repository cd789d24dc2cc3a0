"""The stand-in's webhooks: signed, recorded, and sent once, as GitHub does."""

import asyncio
import json
import uuid
from collections.abc import Callable
from typing import Any

import httpx
from tests.standins.github.setting import Setting
from tests.standins.github.world import App, Delivery

from mayfly.forges.github.events import sign

TIMEOUT = 10.0  # seconds GitHub waits for an answer
Check = Callable[[str, dict[str, Any]], None]


class Hooks:
    """`check` looks at each payload before it is sent."""

    def __init__(self, http: httpx.AsyncClient, setting: Setting, check: Check):
        self._http = http
        self._setting = setting
        self._check = check
        self._ids = 0

    def send(self, app: App, event: str, payload: dict[str, Any]) -> None:
        if not app.webhook_url:
            return
        self._check(event, payload)
        if self._setting.chance(self._setting.faults.webhook_lost):
            return
        guid = str(uuid.UUID(int=self._setting.rng.getrandbits(128), version=4))
        self._try(app, guid, event, payload)
        if self._setting.chance(self._setting.faults.webhook_twice):
            self._try(app, guid, event, payload)

    def redeliver(self, app: App, delivery: Delivery) -> None:
        self._try(app, delivery.guid, delivery.event, delivery.payload, redelivery=True)

    def _try(
        self,
        app: App,
        guid: str,
        event: str,
        payload: dict[str, Any],
        *,
        redelivery: bool = False,
    ) -> None:
        self._ids += 1
        delivery = Delivery(self._ids, guid, event, payload, self._setting.clock(), redelivery)
        app.deliveries.append(delivery)
        if self._setting.chance(self._setting.faults.webhook_fails):
            delivery.status = "failed to connect to host"
            return
        low, high = self._setting.faults.webhook_delay
        delay = self._setting.rng.uniform(low, high) if high > 0 else 0.0
        self._setting.timers.start(self._deliver(app, delivery, delay))

    async def _deliver(self, app: App, delivery: Delivery, delay: float) -> None:
        if delay:
            await asyncio.sleep(delay)
        body = json.dumps(delivery.payload).encode()
        headers = {
            "content-type": "application/json",
            "user-agent": "GitHub-Hookshot/0000000",
            "x-github-delivery": delivery.guid,
            "x-github-event": delivery.event,
            "x-github-hook-id": str(app.id),
            "x-github-hook-installation-target-id": str(app.id),
            "x-github-hook-installation-target-type": "integration",
            "x-hub-signature-256": sign(body, app.webhook_secret),
        }
        begun = self._setting.clock()
        try:
            async with asyncio.timeout(TIMEOUT):
                answer = await self._http.post(app.webhook_url, content=body, headers=headers)
        except (httpx.HTTPError, TimeoutError) as error:
            delivery.status = f"failed: {error}"
            return
        finally:
            delivery.duration = self._setting.clock() - begun
        delivery.status_code = answer.status_code
        delivery.status = "OK" if answer.is_success else f"Invalid HTTP Response: {answer}"
