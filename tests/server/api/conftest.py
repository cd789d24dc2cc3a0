"""A real provider of sign-in on a loopback port: Ann, and one whose address nobody verified."""

from collections.abc import Iterator

import oidc_provider_mock  # type: ignore[import-untyped]
import pytest


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    claims = {"email": "ann@example.org", "email_verified": True, "preferred_username": "Ann B"}
    users = [
        oidc_provider_mock.User(sub="1", claims=claims),
        oidc_provider_mock.User(sub="2", claims=claims | {"email_verified": False}),
    ]
    with oidc_provider_mock.run_server_in_thread(user_claims=users) as server:
        yield f"http://localhost:{server.server_port}"
