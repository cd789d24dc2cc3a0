"""Holds requests, answers and webhooks against GitHub's own descriptions of them.

They are in the npm packages that `tests/oracle` installs. A violation is an AssertionError that
names the place.
"""

import functools
import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import jsonschema
from tests import oracle

_MENDED = {
    # Here the description wants each account to be both a user and an enterprise, and suspended.
    ("GET", "/app/installations", 200): {
        "type": "array",
        "items": {"$ref": "#/components/schemas/installation"},
    }
}
_REFUSALS = {400, 401, 403, 404, 409, 415, 422, 429, 500, 502, 503}
_FORMATS = jsonschema.FormatChecker(formats=())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


class Description:
    """An OpenAPI document whose schemas can be used as JSON Schema."""

    def __init__(self, package: str):
        folder = oracle.node_modules() / "@octokit" / package / "generated"
        self.document: dict[str, Any] = json.loads((folder / "api.github.com.json").read_text())

    def resolve(self, value: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in value:
            value = self._at(value["$ref"])
        return value

    def check(self, schema: dict[str, Any], value: Any, what: str) -> None:
        error = jsonschema.exceptions.best_match(
            self._validator(json.dumps(schema)).iter_errors(value)
        )
        if error is not None:
            raise AssertionError(f"{what}: {error.json_path}: {error.message[:500]}")

    @functools.cache  # noqa: B019  one description lives as long as the tests
    def _validator(self, schema: str) -> jsonschema.Draft202012Validator:
        """The schema with every other that it reaches, where its references find them."""
        root = _modern(json.loads(schema))
        components: dict[str, Any] = {}
        waiting = list(_references(root))
        while waiting:
            group, name = waiting.pop().removeprefix("#/components/").split("/")
            known = components.setdefault(group, {})
            if name not in known:
                known[name] = _modern(self.document["components"][group][name])
                waiting += _references(known[name])
        return jsonschema.Draft202012Validator(
            {**root, "components": components}, format_checker=_FORMATS
        )

    def _at(self, reference: str) -> dict[str, Any]:
        place: Any = self.document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
        assert isinstance(place, dict)
        return place


@functools.cache
def _rest() -> Description:
    return Description("openapi")


@functools.cache
def _webhooks() -> Description:
    return Description("openapi-webhooks")


def check_webhook(event: str, payload: dict[str, Any]) -> None:
    """A payload as GitHub would send it."""
    action = payload.get("action")
    name = (f"{event}-{action}" if action else event).replace("_", "-")
    described = _webhooks().document["webhooks"].get(name)
    assert described is not None, f"GitHub knows no webhook {name}"
    content = described["post"]["requestBody"]["content"]["application/json"]
    _webhooks().check(content["schema"], payload, f"webhook {name}")


def check_exchange(request: httpx.Request, path: str, response: httpx.Response) -> None:
    """A request that was understood, and any answer; both bodies have been read."""
    what = f"{request.method} {path}"
    operation = _operation(request.method, path)
    if response.is_success:
        _check_request(operation, request, what)
    described = operation["responses"].get(str(response.status_code))
    if described is None:
        assert response.status_code in {*_REFUSALS, 304}, f"{what} never answers {response}"
        return
    content = _rest().resolve(described).get("content")
    if not content:
        assert not response.content, f"{what}: {response} has no body"
        return
    mended = _MENDED.get((request.method, path, response.status_code))
    schema = mended or content["application/json"]["schema"]
    _rest().check(schema, response.json(), f"{what} {response.status_code}")


def _check_request(operation: dict[str, Any], request: httpx.Request, what: str) -> None:
    parameters = [_rest().resolve(each) for each in operation.get("parameters", [])]
    known = {each["name"] for each in parameters if each["in"] == "query"}
    unknown = request.url.params.keys() - known
    assert not unknown, f"{what}: GitHub knows no parameter {unknown}"
    described = operation.get("requestBody")
    if described is None:
        assert not request.content, f"{what} takes no body"
    elif request.content or described.get("required"):
        schema = described["content"]["application/json"]["schema"]
        _rest().check(schema, json.loads(request.content), f"body of {what}")


def _operation(method: str, path: str) -> dict[str, Any]:
    for pattern, template in _templates():
        found = _rest().document["paths"][template].get(method.lower())
        if found is not None and pattern.fullmatch(path):
            assert isinstance(found, dict)
            return found
    raise AssertionError(f"GitHub knows no {method} {path}")


@functools.cache
def _templates() -> list[tuple[re.Pattern[str], str]]:
    """The most literal first."""
    templates = sorted(_rest().document["paths"], key=lambda template: template.count("{"))
    return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", each)), each) for each in templates]


def _modern(schema: Any) -> Any:
    """OpenAPI 3.0 says `nullable` where JSON Schema has a type of its own."""
    if isinstance(schema, list):
        return [_modern(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _modern(value) for key, value in schema.items() if key != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if schema.get("nullable") is True else plain


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, list):
        for item in schema:
            yield from _references(item)
    elif isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for value in schema.values():
            yield from _references(value)


class CheckedTransport(httpx.AsyncBaseTransport):
    """Passes requests on, and checks those below `base_url` with their answers."""

    def __init__(self, inner: httpx.AsyncBaseTransport, base_url: str):
        self._inner = inner
        self._base = httpx.URL(base_url).path
        self.checked = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        response = await self._inner.handle_async_request(request)
        await response.aread()
        if request.url.path.startswith(f"{self._base}/"):
            check_exchange(request, request.url.path.removeprefix(self._base), response)
            self.checked += 1
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()
