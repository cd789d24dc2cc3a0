"""What a runner says to the stand-in; GitHub's own is another, and not described anywhere.

Bodies and answers are JSON. All paths are below `serverUrl` of the JIT configuration, and every
request bears `Authorization: Bearer <secret>` from its `.credentials_rsaparams`.

    POST   /sessions {"version"}            201 {"session"}   401 the registration is no more
                                                              409 another listens with it
                                                              426 the version is too old
    GET    /sessions/{s}/job?wait=SECONDS   200 {"job", "name", "script", "repository", "run"}
                                            204 none yet      401, 404 the registration is no more
    DELETE /sessions/{s}                    204
    POST   /jobs/{j}/start                  200               409 it is no longer yours
    POST   /jobs/{j}/renew                  200 {"cancelled"} 404 it is over; at least every 10 min
    POST   /jobs/{j}/log {"lines"}          204
    POST   /jobs/{j}/result {"conclusion"}  204               success, failure or cancelled
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.standins.github.actions import SessionConflict
from tests.standins.github.limits import Refuse
from tests.standins.github.world import COMPLETED, Job, Runner, Session

if TYPE_CHECKING:
    from tests.standins.github.base import Base

LONGEST_WAIT = 60.0  # seconds
Handler = Callable[[Request, Runner], Awaitable[Response]]


class RunnerApi:
    def __init__(self, github: "Base"):
        self._github = github

    def routes(self) -> list[Route]:
        table: list[tuple[str, str, Handler]] = [
            ("POST", "/sessions", self._open),
            ("GET", "/sessions/{session}/job", self._job),
            ("DELETE", "/sessions/{session}", self._close),
            ("POST", "/jobs/{job}/start", self._start),
            ("POST", "/jobs/{job}/renew", self._renew),
            ("POST", "/jobs/{job}/log", self._log),
            ("POST", "/jobs/{job}/result", self._result),
        ]
        return [
            Route(path, self._endpoint(handler), methods=[method])
            for method, path, handler in table
        ]

    def _endpoint(self, handler: Handler) -> Any:
        async def endpoint(request: Request) -> Response:
            secret = request.headers.get("authorization", "").removeprefix("Bearer ")
            try:
                return await handler(request, self._proven(secret))
            except Refuse as refusal:
                return JSONResponse({"message": refusal.message}, refusal.status)

        return endpoint

    def _proven(self, secret: str) -> Runner:
        runner = self._github.runners.by_secret(secret)
        if runner is None:
            raise Refuse(401, "the registration is no more")
        return runner

    async def _open(self, request: Request, runner: Runner) -> Response:
        version = (await request.json()).get("version")
        if version in self._github.faults.too_old:
            raise Refuse(426, f"version {version} of the runner gets no more jobs")
        try:
            session = self._github.actions.open_session(runner)
        except SessionConflict:
            raise Refuse(409, "another runner listens with this registration") from None
        return JSONResponse({"session": session.id}, 201)

    async def _job(self, request: Request, runner: Runner) -> Response:
        session = self._session(request, runner)
        wait = min(float(request.query_params.get("wait", 0)), LONGEST_WAIT)
        self._github.actions.listen(session, polling=True)
        try:
            async with asyncio.timeout(wait):
                while session.job is None:
                    await self._github.changes.wait()
                    self._session(request, runner)
        except TimeoutError:
            return Response(status_code=204)
        finally:
            self._github.actions.listen(session, polling=False)
        job = session.job
        body = {
            "job": job.id,
            "name": job.spec.name,
            "script": job.spec.script,
            "repository": job.run.repository.full_name,
            "run": job.run.id,
        }
        return JSONResponse(body)

    async def _close(self, request: Request, runner: Runner) -> Response:
        self._github.actions.close_session(self._session(request, runner))
        return Response(status_code=204)

    async def _start(self, request: Request, runner: Runner) -> Response:
        job = self._own_job(request, runner)
        if runner.session is None or not self._github.actions.start(runner.session, job):
            raise Refuse(409, "the job is no longer yours")
        return JSONResponse({})

    async def _renew(self, request: Request, runner: Runner) -> Response:
        job = self._own_job(request, runner)
        self._github.actions.renew(job)
        return JSONResponse({"cancelled": job.cancelling})

    async def _log(self, request: Request, runner: Runner) -> Response:
        self._own_job(request, runner).log.extend((await request.json())["lines"])
        return Response(status_code=204)

    async def _result(self, request: Request, runner: Runner) -> Response:
        conclusion = (await request.json())["conclusion"]
        if conclusion not in {"success", "failure", "cancelled"}:
            raise Refuse(422, "no such conclusion")
        self._github.actions.finish(self._own_job(request, runner), conclusion)
        return Response(status_code=204)

    def _session(self, request: Request, runner: Runner) -> Session:
        session = self._github.actions.session(request.path_params["session"])
        if session is None or session.runner is not runner:
            raise Refuse(404, "the session is no more")
        return session

    def _own_job(self, request: Request, runner: Runner) -> Job:
        job = runner.job
        if job is None or str(job.id) != request.path_params["job"] or job.status == COMPLETED:
            raise Refuse(404, "the job is no more")
        return job
