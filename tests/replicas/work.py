"""Work for a site: small workflows of a clone that is a few bytes."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace

from mayfly.cli.client import Client
from mayfly.protocol import codec
from mayfly.protocol.submission import RunRequest, Submission
from mayfly.workflow.events import RepositoryState, event_for

PROJECT = "acme/one"
_STATE = RepositoryState("acme", "one", "main", "a" * 40)
_FILE = ".github/workflows/ci.yml"
_SOURCE = b"a clone" * 1000
_DIGEST = hashlib.sha256(_SOURCE).hexdigest()

TWO_JOBS = """\
on: push
jobs:
  build:
    runs-on: mayfly-1cpu-1gb
    env: {DUMMY_SECONDS: '%(seconds)s'}
    outputs: {made: it}
    steps: [{uses: actions/checkout@v4}, {run: echo one}, {run: echo two}]
  test:
    needs: build
    runs-on: mayfly-any-1cpu-1gb
    steps: [{run: echo three}]
"""


async def prepare(client: Client, *, losses_allowed: int = 20) -> None:
    """The project, and the source."""

    async def pieces() -> AsyncIterator[bytes]:
        yield _SOURCE

    await client.post("/projects", {"id": PROJECT, "losses_allowed": losses_allowed})
    await client.put_blob(f"/blobs/{_DIGEST}", pieces())


def submission(text: str, count: int = 1) -> Submission:
    """So many runs of one workflow."""
    state = replace(_STATE, actor="bob")
    request = RunRequest(_FILE, {_FILE: text}, event_for("push", state), state)
    return Submission((request,) * count, _DIGEST)


async def submit(client: Client, wanted: Submission) -> str:
    said = await client.post(f"/projects/{PROJECT}/submissions", codec.to_plain(wanted))
    return str(said["id"])
