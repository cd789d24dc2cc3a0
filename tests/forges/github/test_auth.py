"""The app's own token and those of its installations."""

import asyncio

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.standins.github.base import private_key, public_key
from tests.virtual_time import virtual_time

from mayfly.domain.errors import InvalidInput
from mayfly.forges.github.auth import AppKey, Token, Tokens
from mayfly.forges.github.errors import ServerTrouble

NOW = 1_700_000_000.0


def curve_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize("pem", ["", "secret", "-----BEGIN RSA PRIVATE KEY-----\nAA\n", "ä"])
def test_what_is_no_key_is_refused_without_being_shown(pem: str) -> None:
    with pytest.raises(InvalidInput, match="private key") as caught:
        AppKey("1", pem, lambda: NOW)
    assert "secret" not in str(caught.value)


def test_a_key_of_another_kind_is_refused() -> None:
    with pytest.raises(InvalidInput, match="RSA"):
        AppKey("1", curve_key(), lambda: NOW)


async def test_the_apps_token_is_signed_and_lasts_as_long_as_github_allows() -> None:
    now = [NOW]
    key = AppKey("42", private_key(), lambda: now[0])
    token = await key.get()
    unchecked = {"verify_exp": False}
    claims = jwt.decode(token, public_key(), algorithms=["RS256"], options=unchecked)  # type: ignore[arg-type]
    assert claims == {"iat": NOW - 60, "exp": NOW + 540, "iss": "42"}
    now[0] += 480
    assert await key.get() == token
    now[0] += 1
    renewed = await key.get()
    assert renewed != token
    key.refused(token)
    assert await key.get() == renewed
    now[0] += 1
    key.refused(renewed)
    assert await key.get() != renewed


class Fetching:
    """Gives numbered tokens for an hour, after a second; fails as often as told."""

    def __init__(self) -> None:
        self.count = 0
        self.failures = 0

    async def __call__(self, installation: int) -> Token:
        await asyncio.sleep(1)
        if self.failures:
            self.failures -= 1
            raise ServerTrouble("502")
        self.count += 1
        return Token(f"{installation}-{self.count}", self.now() + 3600)

    def now(self) -> float:
        return asyncio.get_running_loop().time()


@virtual_time
async def test_many_who_ask_at_once_share_one_request() -> None:
    fetching = Fetching()
    tokens = Tokens(fetching, fetching.now)
    credential = tokens.of(7)
    assert set(await asyncio.gather(*(credential.get() for _ in range(5)))) == {"7-1"}
    others = await asyncio.gather(*(tokens.of(other).get() for other in (8, 9)))
    assert others == ["8-2", "9-3"]
    assert fetching.now() == pytest.approx(2, abs=0.01)


@virtual_time
async def test_one_who_is_cancelled_or_fails_leaves_the_others_their_turn() -> None:
    fetching = Fetching()
    tokens = Tokens(fetching, fetching.now)
    first, second = (asyncio.ensure_future(tokens.get(7)) for _ in range(2))
    await asyncio.sleep(0.5)
    first.cancel()
    assert await second == "7-1"
    tokens.refused(7, "7-1")
    fetching.failures = 1
    first, second = (asyncio.ensure_future(tokens.get(7)) for _ in range(2))
    with pytest.raises(ServerTrouble):
        await first
    assert await second == "7-2"


@virtual_time
async def test_only_the_refused_token_is_forgotten() -> None:
    fetching = Fetching()
    tokens = Tokens(fetching, fetching.now)
    first = await tokens.get(7)
    tokens.refused(7, first)
    second = await tokens.get(7)
    tokens.refused(7, first)
    assert await tokens.get(7) == second


def test_tokens_are_not_shown() -> None:
    assert "hidden" not in repr(Token("hidden", NOW))
