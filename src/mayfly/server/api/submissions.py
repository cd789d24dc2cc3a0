"""Native runs of a clone that somebody sends: `protocol.submission`, checked before it is begun."""

import re
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from mayfly.domain.errors import InvalidInput
from mayfly.protocol import codec, wire
from mayfly.protocol.submission import Submission
from mayfly.server.api.access import Caller, may
from mayfly.server.api.projects import HERE, project_path
from mayfly.server.api.said import REFUSALS, Said
from mayfly.server.people.audit import Author, note
from mayfly.server.people.roles import Action
from mayfly.server.submissions import Submitted
from mayfly.server.uploads import uploaded_by
from mayfly.store.base import Tx

_LIMIT = 64 * 1024 * 1024
_DIGEST = re.compile(r"[0-9a-f]{64}")

router = APIRouter(prefix="/projects", tags=["runs"], responses=REFUSALS)


class SubmissionBegun(Said):
    """`runs` are in the order in which they were asked for."""

    id: str
    runs: tuple[str, ...]


async def submit(
    request: Request, caller: Annotated[Caller, may(Action.RUN_START)]
) -> SubmissionBegun:
    """All its runs begin, or none. The blobs it names must have been uploaded."""
    try:
        submission = wire.read(Submission, await request.body())
    except codec.DecodeError as error:
        raise InvalidInput(f"this is no submission: {error}") from None
    services, project = caller.services, caller.the_project.id
    submission = await _of_own_blobs(caller, submission)
    await services.submissions.check(submission)

    def work(tx: Tx, author: Author) -> Submitted:
        begun = services.submissions.begin(tx, project, submission, author.actor)
        note(tx, author, "run.start", begun.id, project=project, runs=list(begun.runs))
        return begun

    begun = await caller.change(work)
    return SubmissionBegun(id=begun.id, runs=begun.runs)


async def _of_own_blobs(caller: Caller, submission: Submission) -> Submission:
    """The blobs it names are those that its sender uploaded, whoever else has the same."""
    uploads, user = caller.services.uploads, caller.actor.user
    named = {}
    for digest in {submission.source, *submission.actions.values()}:
        named[digest] = uploaded_by(user, digest)
        if not _DIGEST.fullmatch(digest) or not await uploads.has(named[digest]):
            raise InvalidInput(f"there is no blob {digest[:80]}", remedy="upload it first")
    actions = {key: named[digest] for key, digest in submission.actions.items()}
    return replace(submission, source=named[submission.source], actions=actions)


_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}

router.add_api_route(
    HERE + "/submissions",
    submit,
    methods=["POST"],
    status_code=201,
    summary="Run workflows of a clone",
    dependencies=[Depends(project_path)],
    openapi_extra=_BODY,
    max_body_size=_LIMIT,
)
