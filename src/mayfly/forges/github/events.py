"""Webhooks: is it GitHub that sent this, and what does it say? No I/O.

`accept` is for the request: it checks and keeps the raw bytes, so that the answer is quick. `read`
is for later, when the delivery has been stored. GitHub neither orders nor repeats deliveries: what
they say is a hint, and `Job.follows` tells news from old news.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mayfly.domain.errors import InvalidInput
from mayfly.forges.fields import Fields, flag, long_text, number, parse, text
from mayfly.forges.github import model

MAX_BODY = 25 * 2**20  # bytes; GitHub sends no more
_MAX_REPOSITORIES = 10_000
_SIGNATURE = re.compile(r"sha256=([0-9a-f]{64})")
_DELIVERY_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_EVENT = re.compile(r"[a-z_]{1,64}")


class BadSignature(InvalidInput):
    """Not sent by who knows the secret; answer 401 and keep nothing of it."""


class BadDelivery(InvalidInput):
    """Not a delivery of GitHub at all; answer 400."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook that has been verified. Redeliveries bear the `id` of the first."""

    id: str
    event: str
    body: bytes


@dataclass(frozen=True, slots=True)
class WorkflowJob:
    """A job changed. `action` says why; what counts is `job.status`."""

    action: str
    job: model.Job
    repository: model.Repository
    organization: str | None
    installation: int | None
    sender: str


@dataclass(frozen=True, slots=True)
class Push:
    """`ref` in full; `after` is all zeros when it was deleted."""

    ref: str
    before: str
    after: str
    deleted: bool
    message: str | None
    repository: model.Repository
    installation: int | None
    sender: str


@dataclass(frozen=True, slots=True)
class InstallationChanged:
    """`action`: created, deleted, suspend, unsuspend or new_permissions_accepted."""

    action: str
    installation: model.Installation
    repositories: tuple[model.Repository, ...]


@dataclass(frozen=True, slots=True)
class RepositoriesChanged:
    """Which repositories the installation may see."""

    installation: model.Installation
    added: tuple[model.Repository, ...]
    removed: tuple[model.Repository, ...]


@dataclass(frozen=True, slots=True)
class Ping:
    """GitHub tries the hook out."""

    hook: int


Event = WorkflowJob | Push | InstallationChanged | RepositoriesChanged | Ping


def accept(headers: Mapping[str, str], body: bytes, secret: str) -> Delivery:
    """The delivery, if it is signed with the secret; `headers` have lower-case names.

    Raises BadSignature or BadDelivery. Does not look into the body.
    """
    if len(body) > MAX_BODY:
        raise BadDelivery(f"a webhook's body is larger than {MAX_BODY} bytes")
    _verify(headers.get("x-hub-signature-256", ""), body, secret)
    if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise BadDelivery(
            "a webhook's content type is not application/json",
            remedy="choose application/json in the settings of the app's webhook",
        )
    return Delivery(
        id=_header(headers, "x-github-delivery", _DELIVERY_ID),
        event=_header(headers, "x-github-event", _EVENT),
        body=body,
    )


def sign(body: bytes, secret: str) -> str:
    """The value of X-Hub-Signature-256."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def read(event: str, body: bytes) -> Event | None:
    """What a delivery says; None for events that nobody here listens to.

    Raises DecodeError, which names the place.
    """
    reader = _READERS.get(event)
    return reader(Fields(parse(body))) if reader else None


def _verify(signature: str, body: bytes, secret: str) -> None:
    if not secret:
        raise BadSignature("there is no secret to verify webhooks with")
    if _SIGNATURE.fullmatch(signature) is None:
        raise BadSignature("a webhook has no signature X-Hub-Signature-256")
    if not hmac.compare_digest(signature, sign(body, secret)):
        raise BadSignature(
            "a webhook's signature does not match",
            remedy="set the same secret at the app's webhook and here",
        )


def _header(headers: Mapping[str, str], name: str, form: re.Pattern[str]) -> str:
    value = headers.get(name, "")
    if form.fullmatch(value) is None:
        raise BadDelivery(f"a webhook has no proper header {name}")
    return value


def _workflow_job(fields: Fields) -> WorkflowJob:
    return WorkflowJob(
        action=fields.need("action", text),
        job=fields.need("workflow_job", model.job),
        repository=fields.need("repository", model.repository),
        organization=_within(fields, "organization", "login"),
        installation=_installation_id(fields),
        sender=fields.need("sender", Fields).need("login", text),
    )


def _push(fields: Fields) -> Push:
    head = fields.maybe("head_commit", Fields)
    return Push(
        ref=fields.need("ref", text),
        before=fields.need("before", text),
        after=fields.need("after", text),
        deleted=fields.need("deleted", flag),
        message=head.need("message", long_text) if head else None,
        repository=fields.need("repository", model.repository),
        installation=_installation_id(fields),
        sender=_within(fields, "sender", "login")
        or fields.need("pusher", Fields).need("name", text),
    )


def _installation(fields: Fields) -> InstallationChanged:
    return InstallationChanged(
        action=fields.need("action", text),
        installation=fields.need("installation", model.installation),
        repositories=fields.many("repositories", model.repository, most=_MAX_REPOSITORIES),
    )


def _repositories(fields: Fields) -> RepositoriesChanged:
    return RepositoriesChanged(
        installation=fields.need("installation", model.installation),
        added=fields.many("repositories_added", model.repository, most=_MAX_REPOSITORIES),
        removed=fields.many("repositories_removed", model.repository, most=_MAX_REPOSITORIES),
    )


def _ping(fields: Fields) -> Ping:
    return Ping(fields.need("hook_id", number))


def _installation_id(fields: Fields) -> int | None:
    installation = fields.maybe("installation", Fields)
    return installation.need("id", number) if installation else None


def _within(fields: Fields, name: str, key: str) -> str | None:
    inner = fields.maybe(name, Fields)
    return inner.need(key, text) if inner else None


_READERS: dict[str, Callable[[Fields], Event]] = {
    "workflow_job": _workflow_job,
    "push": _push,
    "installation": _installation,
    "installation_repositories": _repositories,
    "ping": _ping,
}
