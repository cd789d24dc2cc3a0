"""What people do meanwhile: they submit runs, cancel some, approve, drain and undrain."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from random import Random
from textwrap import indent

from tests.blobs import MemoryBlobs
from tests.simulation.clock import now
from tests.uploads import there

from mayfly.protocol.submission import RunRequest, Submission
from mayfly.store.base import Store, Tx
from mayfly.store.rows import HostRow
from mayfly.workflow.events import RepositoryState, event_for

PROJECTS = ("acme/one", "acme/two", "other/three")
ENVIRONMENT = "production"
_STATE = RepositoryState("acme", "one", "main", "a" * 40)
_SOURCE = b"the clone" * 100
SOURCE_NAME = hashlib.sha256(_SOURCE).hexdigest()
_SIZES = ("mayfly-1cpu-1gb", "mayfly-0.5cpu-1gb", "mayfly-any-2cpu-3gb", "mayfly-arm64-1cpu-2gb")
_CONDUCTS = ("succeeds",) * 8 + ("fails", "dies", "crashes", "times_out")


async def upload(store: Store, blobs: MemoryBlobs) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield _SOURCE

    await store.serial(lambda tx: there(tx, SOURCE_NAME, now=now()))
    await blobs.put(f"uploads/{SOURCE_NAME}.1", pieces())


def submission(random: Random) -> Submission:
    """One run of a workflow that nobody has seen before."""
    text = _workflow(random)
    state = replace(_STATE, branch=random.choice(["main", "feature"]))
    request = RunRequest(
        file=".github/workflows/ci.yml",
        texts={".github/workflows/ci.yml": text},
        event=event_for("push", state),
        repository=state,
    )
    return Submission((request,), SOURCE_NAME)


def _workflow(random: Random) -> str:
    head = "on: push\n"
    if random.random() < 0.3:
        cancel = random.choice(["true", "false"])
        head += f"concurrency: {{group: g, cancel-in-progress: {cancel}}}\n"
    jobs = [_job(random, number) for number in range(random.randint(1, 4))]
    return head + "jobs:\n" + indent("".join(jobs), "  ")


def _job(random: Random, number: int) -> str:
    lines = [f"j{number}:", f"  runs-on: {random.choice(_SIZES)}"]
    if number and random.random() < 0.5:
        lines.append(f"  needs: j{random.randrange(number)}")
    if random.random() < 0.2:
        lines.append("  if: always()")
    if random.random() < 0.2:
        lines.append(f"  strategy: {{matrix: {{x: {list(range(random.randint(1, 3)))}}}}}")
    if random.random() < 0.15:
        lines.append(f"  environment: {ENVIRONMENT}")
    if random.random() < 0.15:
        lines.append("  concurrency: only-one")
    seconds = random.choice([0, 0.2, 3, 40])
    conduct = random.choice(_CONDUCTS)
    lines.append(f"  env: {{DUMMY: {conduct}, DUMMY_SECONDS: '{seconds}'}}")
    lines.append("  timeout-minutes: 5")
    steps = ["    - run: echo one"]
    if random.random() < 0.3:
        steps.insert(0, "    - uses: actions/checkout@v4")
    if random.random() < 0.5:
        steps.append("    - run: echo two")
    return "\n".join([*lines, "  steps:", *steps]) + "\n"


def set_draining(tx: Tx, host: str, *, draining: bool = False) -> None:
    row = tx.get(HostRow, host)
    assert row is not None
    tx.put(replace(row, draining=draining))
