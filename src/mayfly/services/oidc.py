"""Sign-in by OpenID Connect: discovery, the code flow with PKCE, and the ID token's check."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import jwt

from mayfly.services.provider_calls import call, challenge, text
from mayfly.services.sign_in import Identity, Journey, ProviderFailed, ProviderSettings

_SCOPES = "openid profile email"
_ALGORITHMS = ("RS256", "ES256", "PS256", "EdDSA", "RS384", "ES384", "RS512", "ES512")
_REQUIRED = ("iss", "sub", "aud", "exp", "iat")
_METHODS = "token_endpoint_auth_methods_supported"
_CLOCKS_DIFFER_S = 60


@dataclass(frozen=True, slots=True)
class _Endpoints:
    """`basic`: the token endpoint takes the client's secret as HTTP says, not only in the form."""

    authorization: str
    token: str
    keys: str
    userinfo: str | None
    basic: bool


class OidcProvider:
    """See `sign_in.Provider`. `http` is the caller's, and closed by it."""

    def __init__(self, settings: ProviderSettings, http: httpx.AsyncClient):
        self.settings = settings
        self._http = http
        self._endpoints: _Endpoints | None = None
        self._keys: jwt.PyJWKSet | None = None
        self._lock = asyncio.Lock()

    async def address(self, journey: Journey) -> str:
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": journey.redirect_uri,
            "scope": _SCOPES,
            "state": journey.state,
            "nonce": journey.nonce,
            "code_challenge": challenge(journey.verifier),
            "code_challenge_method": "S256",
        }
        endpoint = (await self._discovered()).authorization
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    async def identify(self, journey: Journey, code: str) -> Identity:
        endpoints = await self._discovered()
        said = await self._exchanged(endpoints, journey, code)
        claims = await self._checked(text(said, "id_token"), journey.nonce)
        if endpoints.userinfo and not {"email", "preferred_username"} <= claims.keys():
            more = await self._user_info(endpoints.userinfo, text(said, "access_token"))
            if more.get("sub") != claims["sub"]:
                raise ProviderFailed(f"{self.settings.title} tells of another user than it signed")
            claims = more | claims
        return _identity(claims)

    async def _exchanged(self, endpoints: _Endpoints, journey: Journey, code: str) -> Any:
        name, secret = self.settings.client_id, self.settings.client_secret
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": journey.redirect_uri,
            "code_verifier": journey.verifier,
        }
        if endpoints.basic:
            auth = (quote(name, safe=""), quote(secret, safe=""))
            return await call(self._http, "POST", endpoints.token, data=form, auth=auth)
        form |= {"client_id": name, "client_secret": secret}
        return await call(self._http, "POST", endpoints.token, data=form)

    async def _user_info(self, address: str, token: str) -> dict[str, Any]:
        """What the provider tells of the user besides."""
        headers = {"Authorization": f"Bearer {token}"}
        said = await call(self._http, "GET", address, headers=headers)
        return said if isinstance(said, dict) else {}

    async def _discovered(self) -> _Endpoints:
        async with self._lock:
            if self._endpoints is None:
                issuer = self.settings.server
                address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
                said = await call(self._http, "GET", address)
                if text(said, "issuer") != issuer:
                    raise ProviderFailed(
                        f"{address} speaks for the issuer {said['issuer']!r}",
                        remedy="configure exactly that as the provider's server",
                    )
                self._endpoints = _Endpoints(
                    text(said, "authorization_endpoint"),
                    text(said, "token_endpoint"),
                    text(said, "jwks_uri"),
                    said.get("userinfo_endpoint"),
                    "client_secret_basic" in said.get(_METHODS, ["client_secret_basic"]),
                )
            return self._endpoints

    async def _checked(self, token: str, nonce: str) -> dict[str, Any]:
        """Its claims, if the provider signed it, for us, in answer to this sign-in."""
        try:
            key = await self._key(jwt.get_unverified_header(token).get("kid"))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=_ALGORITHMS,
                audience=self.settings.client_id,
                issuer=self.settings.server,
                leeway=_CLOCKS_DIFFER_S,
                options={"require": list(_REQUIRED)},
            )
        except jwt.PyJWTError as error:
            raise ProviderFailed(f"{self.settings.title}'s ID token is not good: {error}") from None
        if claims.get("nonce") != nonce:
            raise ProviderFailed(f"{self.settings.title}'s ID token answers another sign-in")
        if claims.get("azp", self.settings.client_id) != self.settings.client_id:
            raise ProviderFailed(f"{self.settings.title}'s ID token is for another application")
        return claims

    async def _key(self, kid: str | None) -> jwt.PyJWK:
        """The key of that id, asked for anew when it is not known: providers change them."""
        address = (await self._discovered()).keys
        async with self._lock:
            found = _choose(self._keys, kid)
            if found is None:
                said = await call(self._http, "GET", address)
                self._keys = jwt.PyJWKSet.from_dict(said if isinstance(said, dict) else {})
                found = _choose(self._keys, kid)
        if found is None:
            raise ProviderFailed(f"{self.settings.title}'s ID token is signed by an unknown key")
        return found


def _choose(keys: jwt.PyJWKSet | None, kid: str | None) -> jwt.PyJWK | None:
    fitting = [key for key in keys.keys if kid is None or key.key_id == kid] if keys else []
    return fitting[0] if len(fitting) == 1 or (fitting and kid is not None) else None


def _identity(claims: Mapping[str, Any]) -> Identity:
    email = claims.get("email") if claims.get("email_verified") is True else None
    subject = text(claims, "sub")
    groups = claims.get("groups")
    names = [claims.get("preferred_username"), claims.get("nickname"), email, subject]
    return Identity(
        subject=subject,
        name=next(name for name in names if isinstance(name, str) and name),
        title=claims["name"] if isinstance(claims.get("name"), str) else "",
        email=email if isinstance(email, str) else None,
        groups=frozenset(one for one in groups if isinstance(one, str))
        if isinstance(groups, list)
        else frozenset(),
    )
