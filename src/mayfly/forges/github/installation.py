"""What the app does on one account: runners, runs and jobs, checks.

Repositories are given as `owner/name`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mayfly.forges.fields import Fields, number, text
from mayfly.forges.github import model
from mayfly.forges.github.answers import Answer
from mayfly.forges.github.budget import Kind
from mayfly.forges.github.errors import Busy, Conflict, NameTaken, NotFound, Unprocessable
from mayfly.forges.github.model import Scope
from mayfly.forges.github.reading import read_all, read_one
from mayfly.forges.github.transport import Identity, Request, Transport
from mayfly.protocol.codec import DecodeError

DEFAULT_GROUP = 1
MAX_SUMMARY = 65_535
_MAX_CONFIG = 64 * 1024  # characters; it is a few thousand
_ACTIVE = (model.Status.QUEUED, model.Status.IN_PROGRESS)


@dataclass(frozen=True, slots=True)
class JitRunner:
    """A registration for one job, of whichever asks for its labels; `config` is its secret."""

    runner: model.Runner
    config: str

    def __repr__(self) -> str:
        return f"JitRunner({self.runner!r})"


@dataclass(frozen=True, slots=True)
class Check:
    """A check on a commit, which `external_id` is ours for.

    `conclusion` is set when it is over, in GitHub's words.
    """

    name: str
    head_sha: str
    external_id: str
    title: str
    summary: str
    conclusion: str | None = None
    details_url: str | None = None


class InstallationClient:
    """All methods raise GitHubError. Calls may be made concurrently."""

    def __init__(self, transport: Transport, identity: Identity, app_id: int):
        self._transport = transport
        self._identity = identity
        self._app_id = app_id

    async def token(self) -> str:
        """Good for minutes at least: for git, which asks GitHub by itself."""
        assert self._identity.credential is not None  # installations have one
        return await self._identity.credential.get()

    async def generate_jit(
        self, scope: Scope, *, name: str, labels: Sequence[str], group: int = DEFAULT_GROUP
    ) -> JitRunner:
        """Register a runner. Raises NameTaken, and Unprocessable for labels GitHub refuses.

        After ServerTrouble it may have been registered; then asking again raises NameTaken.
        """
        body = {"name": name, "runner_group_id": group, "labels": list(labels)}
        path, variables = _runners(scope, "/generate-jitconfig")
        try:
            answer = await self._send("POST", path, variables, body, kind=Kind.REGISTER)
        except Conflict as error:
            raise NameTaken(error.message) from error
        return read_one(answer.data, _jit_runner)

    async def runners(self, scope: Scope, *, name: str | None = None) -> tuple[model.Runner, ...]:
        """All registrations, or those of that name. The list lags behind what was done."""
        path, variables = _runners(scope, "{?name,per_page}")
        if name is not None:
            variables["name"] = name
        kind = Kind.POLL if name is None else Kind.READ
        request = Request("GET", path, variables, kind=kind, polled=name is None)
        pages = await self._transport.pages(request, self._identity)
        return read_all(pages, model.runner, "runners")

    async def delete_runner(self, scope: Scope, runner_id: int) -> None:
        """Nothing if it is gone already. Raises Busy while it works, as far as GitHub knows."""
        path, variables = _runners(scope, "/{id}")
        try:
            await self._send("DELETE", path, {**variables, "id": runner_id}, kind=Kind.WRITE)
        except NotFound:
            return
        except Unprocessable as error:
            raise Busy(error.message) from error

    async def repositories(self) -> tuple[model.Repository, ...]:
        """Those that the installation may see."""
        request = Request(
            "GET", "installation/repositories{?per_page}", kind=Kind.POLL, polled=True
        )
        pages = await self._transport.pages(request, self._identity)
        return read_all(pages, model.repository, "repositories")

    async def repository(self, repository: str) -> model.Repository:
        answer = await self._send("GET", "repos/{owner}/{repo}", _repo(repository))
        return read_one(answer.data, model.repository)

    async def active_runs(self, repository: str) -> tuple[model.Run, ...]:
        """Runs with jobs that are queued or in progress; one that changes meanwhile comes once."""
        runs: dict[int, model.Run] = {}
        for status in _ACTIVE:
            request = Request(
                "GET",
                "repos/{owner}/{repo}/actions/runs{?status,per_page}",
                {**_repo(repository), "status": status.value},
                kind=Kind.POLL,
                polled=True,
            )
            pages = await self._transport.pages(request, self._identity)
            runs |= {run.id: run for run in read_all(pages, model.run, "workflow_runs")}
        return tuple(runs.values())

    async def jobs(self, repository: str, run_id: int) -> tuple[model.Job, ...]:
        """The jobs of a run's newest attempt."""
        request = Request(
            "GET",
            "repos/{owner}/{repo}/actions/runs/{run}/jobs{?per_page}",
            {**_repo(repository), "run": run_id},
            kind=Kind.POLL,
            polled=True,
        )
        pages = await self._transport.pages(request, self._identity)
        return read_all(pages, model.job, "jobs")

    async def job(self, repository: str, job_id: int) -> model.Job:
        variables = {**_repo(repository), "job": job_id}
        answer = await self._send("GET", "repos/{owner}/{repo}/actions/jobs/{job}", variables)
        return read_one(answer.data, model.job)

    async def rerun_failed_jobs(self, repository: str, run_id: int) -> None:
        """A new attempt of the run with those jobs, and those that need them."""
        path = "repos/{owner}/{repo}/actions/runs/{run}/rerun-failed-jobs"
        await self._send("POST", path, {**_repo(repository), "run": run_id}, kind=Kind.WRITE)

    async def show_check(self, repository: str, check: Check) -> int:
        """Its id. Shown again, also after ServerTrouble, it is the same one, as told last.

        Not for the same check twice at the same time: GitHub would take both for new.
        """
        known = await self._shown(repository, check)
        if known is None:
            body = {"head_sha": check.head_sha, **_check(check)}
            path = "repos/{owner}/{repo}/check-runs"
            answer = await self._send("POST", path, _repo(repository), body, kind=Kind.WRITE)
        else:
            path = "repos/{owner}/{repo}/check-runs/{id}"
            variables = {**_repo(repository), "id": known}
            answer = await self._send("PATCH", path, variables, _check(check), kind=Kind.WRITE)
        return read_one(answer.data, _id)

    async def _shown(self, repository: str, check: Check) -> int | None:
        """Its id if it has been made: checks of one name may be of several jobs."""
        path = "repos/{owner}/{repo}/commits/{ref}/check-runs{?app_id,check_name,filter,per_page}"
        variables = {
            **_repo(repository),
            "ref": check.head_sha,
            "app_id": self._app_id,
            "check_name": check.name,
            "filter": "all",
        }
        request = Request("GET", path, variables)
        pages = await self._transport.pages(request, self._identity)
        ids = dict(read_all(pages, _external, "check_runs"))
        return ids.get(check.external_id)

    async def _send(
        self,
        method: str,
        path: str,
        variables: dict[str, str | int],
        body: Any = None,
        kind: Kind = Kind.READ,
    ) -> Answer:
        return await self._transport.send(
            Request(method, path, variables, body, kind), self._identity
        )


def _runners(scope: Scope, rest: str) -> tuple[str, dict[str, str | int]]:
    """The template of an address below the runners of a scope, and what it is filled in with."""
    if scope.repo is None:
        return f"orgs/{{org}}/actions/runners{rest}", {"org": scope.owner}
    return (
        f"repos/{{owner}}/{{repo}}/actions/runners{rest}",
        {"owner": scope.owner, "repo": scope.repo},
    )


def _repo(full_name: str) -> dict[str, str | int]:
    owner, _, name = full_name.partition("/")
    return {"owner": owner, "repo": name}


def _check(check: Check) -> dict[str, Any]:
    body: dict[str, Any] = {
        "name": check.name,
        "status": "completed" if check.conclusion else "in_progress",
        "external_id": check.external_id,
        "output": {"title": check.title, "summary": check.summary[:MAX_SUMMARY]},
    }
    if check.conclusion is not None:
        body["conclusion"] = check.conclusion
    if check.details_url is not None:
        body["details_url"] = check.details_url
    return body


def _jit_runner(value: Any, path: str) -> JitRunner:
    fields = Fields(value, path)
    return JitRunner(
        runner=fields.need("runner", model.runner),
        config=fields.need("encoded_jit_config", _secret),
    )


def _secret(value: Any, path: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_CONFIG:
        raise DecodeError(path, "expected a configuration of bounded length")
    return value


def _id(value: Any, path: str) -> int:
    return Fields(value, path).need("id", number)


def _external(value: Any, path: str) -> tuple[str | None, int]:
    """A check run's id, by what its maker calls it."""
    return Fields(value, path).maybe("external_id", text), _id(value, path)
