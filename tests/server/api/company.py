"""Signing in at a company's provider as a browser does; `issuer` is the provider's address."""

import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
from tests.server.api.site import Site, made

from mayfly.services.oidc import OidcProvider
from mayfly.services.sign_in import ProviderSettings

COMPANY = ProviderSettings(id="company", title="Our <company>", client_id="ci", client_secret="x")


@asynccontextmanager
async def opened(issuer: str, **options: Any) -> AsyncIterator[Site]:
    settings = replace(COMPANY, server=issuer, **options)
    async with httpx.AsyncClient() as http:
        yield await made(providers={"company": OidcProvider(settings, http)})


async def sent_away(browser: httpx.AsyncClient, to: str = "/", **form: str) -> str:
    """The provider's address, as our page names it."""
    answer = await browser.post("/api/v1/sign-in/company", params={"to": to}, data=form)
    assert answer.status_code == 200, answer.text
    assert "Our &lt;company&gt;" in answer.text
    [address] = re.findall(r'<a href="([^"]+)">', answer.text)
    return html.unescape(address)


async def sent_back(address: str, subject: str) -> str:
    """Where the provider sends a browser whose user says who they are."""
    async with httpx.AsyncClient() as browser:
        answer = await browser.post(address, data={"sub": subject})
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


async def signed_in(browser: httpx.AsyncClient, subject: str = "1", to: str = "/") -> Any:
    return await browser.get(await sent_back(await sent_away(browser, to), subject))
