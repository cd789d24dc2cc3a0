"""What a provider says is believed only if it signed it, for us, in answer to this sign-in."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from mayfly.services.oidc import OidcProvider
from mayfly.services.provider_calls import challenge
from mayfly.services.sign_in import Identity, Journey, ProviderFailed, ProviderSettings

ISSUER = "https://id.example"
JOURNEY = Journey("https://ci.example/back", "state", "nonce", "verifier")
SETTINGS = ProviderSettings(
    id="company", title="Example", server=ISSUER, client_id="mayfly", client_secret="s3/cret"
)
KEYS = [rsa.generate_private_key(65537, 2048) for _ in range(2)]


class FakeProvider:
    """Answers as told; remembers what it was asked. `claims` are of the next ID token."""

    def __init__(self, **claims: Any):
        now = time.time()
        self.claims: dict[str, Any] = {
            "iss": ISSUER,
            "sub": "42",
            "aud": "mayfly",
            "exp": now + 60,
            "iat": now,
            "nonce": "nonce",
            "email": "ann@example.org",
            "email_verified": True,
            "preferred_username": "ann",
        } | claims
        self.metadata: dict[str, Any] = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize?tenant=1",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/keys",
        }
        self.signer, self.algorithm = 0, "RS256"
        self.published = [0]
        self.user_info: dict[str, Any] = {}
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answers: dict[str, Callable[[], Any]] = {
            "/.well-known/openid-configuration": lambda: self.metadata,
            "/keys": lambda: {"keys": [public(number) for number in self.published]},
            "/token": lambda: {"id_token": self.token(), "access_token": "access"},
            "/userinfo": lambda: self.user_info,
        }
        return httpx.Response(200, json=answers[request.url.path]())

    def token(self) -> str:
        key: Any = KEYS[self.signer] if self.algorithm == "RS256" else "x" * 32
        headers = {"kid": str(self.signer)}
        return jwt.encode(self.claims, key, algorithm=self.algorithm, headers=headers)

    def paths(self) -> list[str]:
        return [request.url.path for request in self.asked]

    async def identify(self) -> Identity:
        async with httpx.AsyncClient(transport=httpx.MockTransport(self)) as http:
            return await OidcProvider(SETTINGS, http).identify(JOURNEY, "code")


def public(number: int) -> dict[str, Any]:
    key: dict[str, Any] = RSAAlgorithm.to_jwk(KEYS[number].public_key(), as_dict=True)
    return key | {"kid": str(number), "alg": "RS256", "use": "sig"}


async def test_who_signed_in_is_told() -> None:
    provider = FakeProvider(name="Ann", groups=["staff", 7])
    identity = await provider.identify()
    assert identity == Identity("42", "ann", "Ann", "ann@example.org", frozenset({"staff"}))
    assert "/userinfo" not in provider.paths()


async def test_the_browser_takes_state_nonce_and_the_verifiers_hash_along() -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(FakeProvider())) as http:
        address = await OidcProvider(SETTINGS, http).address(JOURNEY)
    query = {key: value for key, [value] in parse_qs(urlsplit(address).query).items()}
    assert query["tenant"] == "1"
    assert (query["state"], query["nonce"]) == ("state", "nonce")
    assert query["code_challenge"] == challenge("verifier")
    assert "verifier" not in query.values()
    assert query["redirect_uri"] == JOURNEY.redirect_uri


async def test_the_code_is_exchanged_with_the_verifier_and_the_clients_secret() -> None:
    provider = FakeProvider()
    await provider.identify()
    [request] = [one for one in provider.asked if one.url.path == "/token"]
    form = parse_qs(request.content.decode())
    assert form["code_verifier"] == ["verifier"]
    assert "client_secret" not in form
    expected = httpx.BasicAuth("mayfly", "s3%2Fcret")
    signed = next(expected.auth_flow(httpx.Request("POST", ISSUER)))
    assert request.headers["authorization"] == signed.headers["authorization"]


async def test_the_secret_goes_into_the_form_where_the_provider_wants_it_so() -> None:
    provider = FakeProvider()
    provider.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    await provider.identify()
    [request] = [one for one in provider.asked if one.url.path == "/token"]
    assert parse_qs(request.content.decode())["client_secret"] == ["s3/cret"]
    assert "authorization" not in request.headers


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"aud": ["mayfly", "another"], "azp": "another"},
        {"nonce": "of another sign-in"},
        {"nonce": None},
        {"exp": time.time() - 3600},
        {"iat": time.time() + 3600},
        {"sub": ""},
    ],
)
async def test_a_token_that_is_not_for_this_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(ProviderFailed):
        await FakeProvider(**claims).identify()


@pytest.mark.parametrize("missing", ["iss", "sub", "aud", "exp", "iat", "nonce"])
async def test_a_token_must_say_all_that_it_is_checked_by(missing: str) -> None:
    provider = FakeProvider()
    del provider.claims[missing]
    with pytest.raises(ProviderFailed):
        await provider.identify()


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
async def test_a_token_that_anybody_could_have_made_is_refused(
    algorithm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = FakeProvider()
    provider.algorithm = algorithm
    if algorithm == "none":
        unsigned = jwt.encode(provider.claims, "", algorithm="none")
        monkeypatch.setattr(provider, "token", lambda: unsigned)
    with pytest.raises(ProviderFailed):
        await provider.identify()


async def test_another_key_than_the_published_is_refused() -> None:
    provider = FakeProvider()
    provider.signer = 1
    with pytest.raises(ProviderFailed, match="unknown key"):
        await provider.identify()


async def test_new_keys_are_asked_for_when_one_is_unknown() -> None:
    provider = FakeProvider()
    async with httpx.AsyncClient(transport=httpx.MockTransport(provider)) as http:
        oidc = OidcProvider(SETTINGS, http)
        for _ in range(2):
            await oidc.identify(JOURNEY, "code")
        assert provider.paths().count("/keys") == 1
        provider.signer, provider.published = 1, [1]
        await oidc.identify(JOURNEY, "code")
    assert provider.paths().count("/keys") == 2
    assert provider.paths().count("/.well-known/openid-configuration") == 1


@pytest.mark.parametrize("keys", [[], "x", {"keys": []}, {"keys": [{"kty": "no"}]}, None])
async def test_keys_that_are_none_are_refused(keys: Any) -> None:
    provider = FakeProvider()

    def answer(request: httpx.Request) -> httpx.Response:
        is_keys = request.url.path == "/keys"
        return httpx.Response(200, json=keys) if is_keys else provider(request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        with pytest.raises(ProviderFailed):
            await OidcProvider(SETTINGS, http).identify(JOURNEY, "code")


async def test_an_address_that_was_not_verified_counts_as_none() -> None:
    for verified in (False, None, "true"):
        assert (await FakeProvider(email_verified=verified).identify()).email is None


async def test_what_the_token_does_not_say_is_asked_for() -> None:
    provider = FakeProvider()
    provider.metadata["userinfo_endpoint"] = f"{ISSUER}/userinfo"
    del provider.claims["preferred_username"]
    provider.user_info = {"sub": "42", "preferred_username": "anna", "email": "evil@example.org"}
    identity = await provider.identify()
    assert (identity.name, identity.email) == ("anna", "ann@example.org")
    provider.user_info["sub"] = "43"
    with pytest.raises(ProviderFailed, match="another user"):
        await provider.identify()


async def test_a_provider_that_speaks_for_another_is_refused() -> None:
    provider = FakeProvider()
    provider.metadata["issuer"] = "https://evil.example"
    with pytest.raises(ProviderFailed, match=r"evil\.example"):
        await provider.identify()


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, text="down"),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"issuer": ISSUER}),
        httpx.Response(200, content=b" " * (2 << 20)),
    ],
)
async def test_nonsense_is_the_providers_failure(answer: httpx.Response) -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answer)) as http:
        with pytest.raises(ProviderFailed):
            await OidcProvider(SETTINGS, http).address(JOURNEY)


async def test_a_provider_that_is_away_is_named() -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(away)) as http:
        with pytest.raises(ProviderFailed, match=r"id\.example/\.well-known"):
            await OidcProvider(SETTINGS, http).address(JOURNEY)
