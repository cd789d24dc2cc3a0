"""Sign-in with GitHub: what is sent, and what is made of the answers."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from mayfly.services.github_login import GithubLogin
from mayfly.services.provider_calls import challenge
from mayfly.services.sign_in import (
    Identity,
    Journey,
    ProviderFailed,
    ProviderKind,
    ProviderSettings,
)

JOURNEY = Journey("https://ci.example/back", "state", "nonce", "verifier")
ANSWERS: dict[str, Any] = {
    "/login/oauth/access_token": {"access_token": "gho_x", "token_type": "bearer"},
    "/user": {"id": 42, "login": "Octocat", "name": "The Octocat"},
    "/user/emails": [
        {"email": "old@example.org", "primary": False, "verified": True},
        {"email": "octo@example.org", "primary": True, "verified": True},
    ],
    "/user/memberships/orgs": [{"organization": {"login": "Acme"}}, {"organization": {}}, 7],
}


def settings(**options: Any) -> ProviderSettings:
    return ProviderSettings(
        id="github",
        title="GitHub",
        kind=ProviderKind.GITHUB,
        client_id="id",
        client_secret="secret",
        **options,
    )


async def identify(changed: dict[str, Any], **options: Any) -> tuple[Identity, list[httpx.Request]]:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=(ANSWERS | changed)[request.url.path])

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        return await GithubLogin(settings(**options), http).identify(JOURNEY, "code"), asked


async def test_who_it_was_is_told_by_the_number_that_never_changes() -> None:
    identity, asked = await identify({})
    assert identity == Identity("42", "Octocat", "The Octocat", "octo@example.org")
    form = parse_qs(asked[0].content.decode())
    assert form["code_verifier"] == ["verifier"]
    assert [request.headers.get("authorization") for request in asked[1:]] == ["Bearer gho_x"] * 2


async def test_organisations_are_asked_for_only_where_they_decide() -> None:
    identity, _ = await identify({}, groups=("acme",))
    assert identity.groups == {"acme"}


async def test_an_address_counts_only_if_it_is_primary_and_verified() -> None:
    emails = [{"email": "octo@example.org", "primary": True, "verified": False}]
    identity, _ = await identify({"/user/emails": emails})
    assert identity.email is None


@pytest.mark.parametrize(
    "changed",
    [
        {"/login/oauth/access_token": {"error": "bad_verification_code"}},
        {"/login/oauth/access_token": {}},
        {"/user": {"login": "octocat"}},
        {"/user": {"id": "42", "login": "octocat"}},
        {"/user": []},
    ],
)
async def test_anything_else_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ProviderFailed):
        await identify(changed)


async def test_the_browser_takes_state_and_the_verifiers_hash_along() -> None:
    async with httpx.AsyncClient() as http:
        address = await GithubLogin(settings(groups=("acme",)), http).address(JOURNEY)
    query = {key: value for key, [value] in parse_qs(urlsplit(address).query).items()}
    assert address.startswith("https://github.com/login/oauth/authorize?")
    assert query["state"] == "state"
    assert query["code_challenge"] == challenge("verifier")
    assert "read:org" in query["scope"].split()
