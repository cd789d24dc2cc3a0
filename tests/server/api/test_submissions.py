"""Submissions are looked at before anything is made of them."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.server.api.fleet_of_one import STATE, TWO_JOBS
from tests.server.api.site import PROJECT, made

from mayfly.domain.labels import Requirement
from mayfly.protocol import codec
from mayfly.protocol.submission import RunRequest, Submission
from mayfly.store.rows import RunRow
from mayfly.workflow.events import event_for

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
PATH = f"/api/v1/projects/{PROJECT}/submissions"
FILE = ".github/workflows/ci.yml"


@pytest.mark.parametrize(
    ("field", "value", "status"),
    [
        ("env", '{"A": "half a \\ud800 character, \\u0000"}', 201),
        ("inputs", '{"a": 1e999}', 400),
        ("inputs", f'{{"a": {"9" * 400}}}', 400),
        ("inputs", '{"a": NaN}', 400),
        ("inputs", f'{{"a": {"[" * 100_000}{"]" * 100_000}}}', 400),
    ],
)
async def test_json_that_no_other_reader_takes_is_no_defect(
    field: str, value: str, status: int
) -> None:
    site = await made()
    run = RunRequest(FILE, {FILE: TWO_JOBS}, event_for("push", STATE), STATE)
    body = json.dumps(codec.to_plain(Submission((run,), EMPTY)))
    body = body.replace(f'"{field}": {{}}', f'"{field}": {value}', 1)
    async with site.client("maintainer") as client:
        await client.put(f"/api/v1/blobs/{EMPTY}", content=b"")
        answer = await client.post(PATH, content=body)
    assert answer.status_code == status, answer.text
    assert len(await site.rows(RunRow)) == (status == 201)


@pytest.mark.parametrize("image", ["/etc/passwd", "../../recipe.yml", "./recipe.yml", "A\n"])
@pytest.mark.parametrize("by_label", [False, True])
async def test_an_image_is_no_path_of_a_host(image: str, by_label: bool) -> None:
    site = await made()
    run = RunRequest(FILE, {FILE: TWO_JOBS}, event_for("push", STATE), STATE)
    if by_label:
        run = replace(run, labels={"mayfly": Requirement(image=image)})
    else:
        run = replace(run, image=image)
    async with site.client("maintainer") as client:
        await client.put(f"/api/v1/blobs/{EMPTY}", content=b"")
        answer = await client.post(PATH, json=codec.to_plain(Submission((run,), EMPTY)))
    assert (answer.status_code, "no name of an image" in answer.text) == (400, True)


@pytest.mark.parametrize(
    "size",
    [
        Requirement(cpu=Decimal(-8)),
        Requirement(memory_mib=-(2**20)),
        Requirement(cpu=Decimal(0)),
        Requirement(memory_mib=0),
        Requirement(cpu=Decimal(10) ** 20),
        Requirement(memory_mib=2**50),
    ],
)
async def test_a_label_of_a_clone_cannot_make_room_on_hosts(size: Requirement) -> None:
    site = await made()
    run = RunRequest(FILE, {FILE: TWO_JOBS}, event_for("push", STATE), STATE)
    run = replace(run, labels={"mine": size})
    async with site.client("maintainer") as client:
        await client.put(f"/api/v1/blobs/{EMPTY}", content=b"")
        answer = await client.post(PATH, json=codec.to_plain(Submission((run,), EMPTY)))
    assert (answer.status_code, "label 'mine'" in answer.text) == (400, True)
