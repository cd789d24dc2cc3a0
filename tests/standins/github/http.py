"""HTTP of the stand-in's REST interface: who asks, limits, faults, pages, entity tags."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.standins.github.limits import SECONDARY, Refuse
from tests.standins.github.world import App, Installation, Repository

if TYPE_CHECKING:
    from tests.standins.github.base import Base

Json = dict[str, Any]


@dataclass
class Call:
    """A request that has been authorised. `app` is set for all but anonymous ones."""

    github: "Base"
    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    body: Json
    app: App | None = None
    installation: Installation | None = None

    @property
    def its_app(self) -> App:
        assert self.app is not None
        return self.app

    def repository(self) -> Repository:
        """The one the path names, if the installation may see it."""
        name = f"{self.params['owner']}/{self.params['repo']}".lower()
        found = self.github.repositories.get(name)
        if found is None or not self.github.may_see(self.installation, found):
            raise Refuse(404, "Not Found")
        return found

    def number(self, name: str) -> int:
        text = self.params[name]
        if not text.isdigit():
            raise Refuse(404, "Not Found")
        return int(text)

    def require(self, permission: str, level: str = "write") -> None:
        if self.its_app.permissions.get(permission) not in {"write", level}:
            raise Refuse(403, "Resource not accessible by integration")


@dataclass
class Reply:
    data: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Reply]
Who = str
Row = tuple[str, str, Who, Handler]
"""Method, path, who may ask (installation, app or anyone), and what answers."""


def paged(call: Call, entries: list[Json], key: str | None = None) -> Reply:
    """A page of a list, with the address of the next one."""
    size = min(int(call.query.get("per_page", 30)), 100)
    page = int(call.query.get("page", 1))
    shown = entries[(page - 1) * size : page * size]
    headers = {}
    if page * size < len(entries):
        query = urlencode({**call.query, "page": page + 1})
        headers["link"] = f'<{call.github.api_url}{call.path}?{query}>; rel="next"'
    return Reply(shown if key is None else {"total_count": len(entries), key: shown}, 200, headers)


def starlette_routes(github: "Base", rows: Sequence[Row]) -> list[Route]:
    return [
        Route(path, _endpoint(github, who, handler), methods=[method])
        for method, path, who, handler in rows
    ]


def _endpoint(github: "Base", who: Who, handler: Handler) -> Any:
    async def endpoint(request: Request) -> Response:
        body = await request.body()
        github.at_once += 1
        try:
            _check_crowd(github)
            await github.faults.lag(github.rng)
            return _answer(github, who, handler, request, body)
        except Refuse as refusal:
            return _refused(refusal.status, refusal.message, refusal.headers)
        finally:
            github.at_once -= 1

    return endpoint


def _check_crowd(github: "Base") -> None:
    if github.at_once > github.limits.at_once:
        raise Refuse(403, SECONDARY, {"retry-after": "60"})


def _answer(github: "Base", who: Who, handler: Handler, request: Request, body: bytes) -> Response:
    path = request.url.path.removeprefix(github.api_path)
    fault = github.faults.refusal(request.method, path)
    if fault is not None and not fault.done:
        return _refused(fault.status, fault.message, fault.headers)
    call = Call(github, path, request.path_params, dict(request.query_params), _json(body))
    asker = _authorise(call, who, request.headers.get("authorization", ""))
    registers = path.endswith("/generate-jitconfig")
    github.meter.count(asker, request.method, registers=registers)
    trouble = github.setting.chance(github.faults.trouble)
    if trouble and github.rng.random() < 0.5:
        return _refused(502, "Bad Gateway", {})
    reply = handler(call)
    if fault is not None:
        return _refused(fault.status, fault.message, fault.headers)
    if trouble:
        return _refused(502, "Bad Gateway", {})
    return _response(github, request, asker, reply)


def _authorise(call: Call, who: Who, authorization: str) -> str:
    """Who asks, as a key for counting."""
    scheme, _, token = authorization.partition(" ")
    if who == "anyone":
        return "anyone"
    if scheme.lower() not in {"bearer", "token"}:
        raise Refuse(401, "Requires authentication")
    if who == "app":
        call.app = call.github.app_of(token)
        return f"app {call.app.id}"
    call.installation = call.github.installation_of(token)
    call.app = call.installation.app
    return f"installation {call.installation.id}"


def _response(github: "Base", request: Request, asker: str, reply: Reply) -> Response:
    content = b"" if reply.status == 204 else json.dumps(reply.data).encode()
    headers = {**github.meter.headers(asker), **reply.headers}
    if request.method == "GET":
        headers["etag"] = f'W/"{hashlib.sha256(content).hexdigest()}"'
        if request.headers.get("if-none-match") == headers["etag"]:
            github.meter.give_back(asker)
            return Response(status_code=304, headers={**headers, **github.meter.headers(asker)})
    kind = "application/json; charset=utf-8" if content else None
    return Response(content, reply.status, headers, kind)


def _json(body: bytes) -> Json:
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Refuse(400, "Problems parsing JSON")
    return value


def _refused(status: int, message: str, headers: dict[str, str]) -> Response:
    data = {
        "message": message,
        "documentation_url": "https://docs.github.com/rest",
        "status": str(status),
    }
    return Response(
        json.dumps(data).encode(), status, headers, media_type="application/json; charset=utf-8"
    )
