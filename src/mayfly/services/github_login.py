"""Sign-in with GitHub: OAuth for web applications, with PKCE; who it was is asked of its API."""

from typing import Any
from urllib.parse import urlencode

import httpx

from mayfly.services.provider_calls import call, challenge, text
from mayfly.services.sign_in import Identity, Journey, ProviderFailed, ProviderSettings


class GithubLogin:
    """See `sign_in.Provider`. `http` is the caller's, and closed by it."""

    def __init__(self, settings: ProviderSettings, http: httpx.AsyncClient):
        self.settings = settings
        self._http = http

    async def address(self, journey: Journey) -> str:
        query = {
            "client_id": self.settings.client_id,
            "redirect_uri": journey.redirect_uri,
            "scope": "read:user user:email" + (" read:org" if self.settings.groups else ""),
            "state": journey.state,
            "code_challenge": challenge(journey.verifier),
            "code_challenge_method": "S256",
        }
        return f"{self.settings.server}/login/oauth/authorize?{urlencode(query)}"

    async def identify(self, journey: Journey, code: str) -> Identity:
        form = {
            "client_id": self.settings.client_id,
            "client_secret": self.settings.client_secret,
            "code": code,
            "redirect_uri": journey.redirect_uri,
            "code_verifier": journey.verifier,
        }
        address = f"{self.settings.server}/login/oauth/access_token"
        said = await call(self._http, "POST", address, data=form)
        if isinstance(said, dict) and "error" in said:
            reason = said.get("error_description") or said["error"]
            raise ProviderFailed(f"GitHub refused: {reason}", remedy="sign in again")
        token = text(said, "access_token")
        user = await self._get(token, "/user")
        if not isinstance(user, dict) or not isinstance(user.get("id"), int):
            raise ProviderFailed("GitHub's answer does not say who it is")
        return Identity(
            subject=str(user["id"]),  # logins can be changed, and taken by others then
            name=text(user, "login"),
            title=user["name"] if isinstance(user.get("name"), str) else "",
            email=_verified(await self._get(token, "/user/emails")),
            groups=await self._organisations(token),
        )

    async def _organisations(self, token: str) -> frozenset[str]:
        if not self.settings.groups:
            return frozenset()
        said = await self._get(token, "/user/memberships/orgs", state="active", per_page="100")
        names = [one.get("organization", {}).get("login") for one in _objects(said)]
        return frozenset(name.lower() for name in names if isinstance(name, str))

    async def _get(self, token: str, path: str, **params: str) -> Any:
        headers = {"Authorization": f"Bearer {token}", "X-GitHub-Api-Version": "2022-11-28"}
        return await call(
            self._http, "GET", f"{self.settings.api}{path}", headers=headers, params=params
        )


def _verified(said: Any) -> str | None:
    """The primary address, if it was verified."""
    for one in _objects(said):
        if one.get("primary") is True and one.get("verified") is True:
            return text(one, "email")
    return None


def _objects(said: Any) -> list[dict[str, Any]]:
    return [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []
