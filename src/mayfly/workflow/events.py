"""The event that starts a run, with the payload GitHub would send for it.

`RepositoryState` is what somebody read from git; nothing here looks at a repository.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mayfly.workflow.expressions import to_string

_ZERO_SHA = "0" * 40
_HEADS = "refs/heads/"
_TAGS = "refs/tags/"


@dataclass(frozen=True, slots=True)
class RepositoryState:
    """A clone as a forge would describe it.

    `branch` is None on a detached head; `tags` are those of the commit `sha`. `before` is the
    commit that came before a push of it. `changed_files` is None if nobody knows.
    """

    owner: str
    name: str
    branch: str | None
    sha: str
    default_branch: str = "main"
    tags: tuple[str, ...] = ()
    actor: str = "local"
    author_name: str = ""
    author_email: str = ""
    message: str = ""
    timestamp: str = "1970-01-01T00:00:00Z"
    before: str = _ZERO_SHA
    changed_files: tuple[str, ...] | None = None
    server_url: str = "https://github.com"

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"

    @property
    def ref(self) -> str:
        """The branch; the first tag when no branch is checked out."""
        if self.branch is None and self.tags:
            return _TAGS + self.tags[0]
        return _HEADS + (self.branch or self.default_branch)


@dataclass(frozen=True, slots=True)
class Event:
    """What happened. `base_ref` and `head_ref` are the branches of a pull request.

    `changed_files` decides path filters; None, if nobody knows, passes them.
    """

    name: str
    payload: dict[str, Any]
    ref: str
    sha: str
    base_ref: str = ""
    head_ref: str = ""
    changed_files: tuple[str, ...] | None = None

    @property
    def action(self) -> str | None:
        """The activity type, such as `opened`."""
        action = self.payload.get("action")
        return action if isinstance(action, str) else None

    @property
    def branch(self) -> str | None:
        """The branch that was pushed or is built; None for a tag or anything else."""
        return self.ref.removeprefix(_HEADS) if self.ref.startswith(_HEADS) else None

    @property
    def tag(self) -> str | None:
        return self.ref.removeprefix(_TAGS) if self.ref.startswith(_TAGS) else None


def event_for(
    name: str,
    state: RepositoryState,
    *,
    inputs: Mapping[str, Any] | None = None,
    payload: Mapping[str, Any] | None = None,
) -> Event:
    """The event as it would happen to the clone now; `payload` overrides parts of the default.

    Any event's name will do; those without a payload of their own here carry the repository, the
    sender and what `payload` gives.
    """
    common = {"repository": _repository(state), "sender": _user(state.actor)}
    default = _payload(name, state, inputs or {})
    body = _merged(common | default, payload or {})
    ref, sha = _ref_and_sha(name, body, state)
    pull = body.get("pull_request") if name in _PULL_REQUESTS else None
    return Event(
        name=name,
        payload=body,
        ref=ref,
        sha=sha,
        base_ref=_text(pull, "base", "ref"),
        head_ref=_text(pull, "head", "ref"),
        changed_files=state.changed_files,
    )


_PULL_REQUESTS = frozenset({"pull_request", "pull_request_target"})


def _payload(name: str, state: RepositoryState, inputs: Mapping[str, Any]) -> dict[str, Any]:
    match name:
        case "push":
            return _push(state)
        case "pull_request" | "pull_request_target":
            return {"action": "opened", "number": 1, "pull_request": _pull_request(state)}
        case "workflow_dispatch":
            texts = {key: to_string(value) for key, value in inputs.items()}
            return {"inputs": texts, "ref": state.ref}
        case "merge_group":
            return {"action": "checks_requested", "merge_group": _merge_group(state)}
        case "release":
            tag = state.tags[0] if state.tags else "v0.0.0"
            return {"action": "published", "release": {"tag_name": tag, "name": tag}}
        case _:
            return {}


def _push(state: RepositoryState) -> dict[str, Any]:
    person = {"name": state.author_name, "email": state.author_email, "username": state.actor}
    files = list(state.changed_files or ())
    commit = {
        "id": state.sha,
        "message": state.message,
        "timestamp": state.timestamp,
        "author": person,
        "committer": person,
        "added": [],
        "removed": [],
        "modified": files,
    }
    return {
        "ref": state.ref,
        "before": state.before,
        "after": state.sha,
        "base_ref": None,
        "created": False,
        "deleted": False,
        "forced": False,
        "head_commit": commit,
        "commits": [commit],
        "pusher": {"name": state.author_name or state.actor, "email": state.author_email},
    }


def _pull_request(state: RepositoryState) -> dict[str, Any]:
    repository = _repository(state)
    head = {"ref": state.branch or "HEAD", "sha": state.sha, "repo": repository}
    base = {"ref": state.default_branch, "sha": state.before, "repo": repository}
    return {
        "number": 1,
        "title": state.message.partition("\n")[0],
        "body": "",
        "state": "open",
        "draft": False,
        "merged": False,
        "labels": [],
        "user": _user(state.actor),
        "author_association": "OWNER",
        "head": head,
        "base": base,
    }


def _merge_group(state: RepositoryState) -> dict[str, Any]:
    return {
        "head_sha": state.sha,
        "head_ref": f"{_HEADS}gh-readonly-queue/{state.default_branch}/pr-1-{state.sha}",
        "base_sha": state.before,
        "base_ref": _HEADS + state.default_branch,
    }


def _ref_and_sha(name: str, body: dict[str, Any], state: RepositoryState) -> tuple[str, str]:
    ref, sha = state.ref, state.sha
    match name:
        case "push" | "workflow_dispatch":
            ref, sha = _text(body, "ref") or ref, _text(body, "after") or sha
        case "pull_request":
            ref = f"refs/pull/{to_string(body.get('number'))}/merge"
        case "pull_request_target":
            ref = _HEADS + _text(body, "pull_request", "base", "ref")
        case "merge_group":
            ref = _text(body, "merge_group", "head_ref")
            sha = _text(body, "merge_group", "head_sha")
        case "release":
            ref = _TAGS + _text(body, "release", "tag_name")
        case "schedule":
            ref = _HEADS + state.default_branch
    return ref, sha


def _repository(state: RepositoryState) -> dict[str, Any]:
    return {
        "name": state.name,
        "full_name": state.full_name,
        "owner": _user(state.owner),
        "default_branch": state.default_branch,
        "html_url": f"{state.server_url}/{state.full_name}",
        "clone_url": f"{state.server_url}/{state.full_name}.git",
        "private": False,
        "fork": False,
    }


def _user(login: str) -> dict[str, Any]:
    return {"login": login, "name": login, "type": "User"}


def _text(value: Any, *path: str) -> str:
    """The string at a path in a payload; empty if there is none."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else ""


def _merged(default: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(default)
    for key, value in override.items():
        old = result.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        result[key] = _merged(old, value) if both else value  # type: ignore[arg-type]
    return result
