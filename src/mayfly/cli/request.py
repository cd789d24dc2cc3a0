"""What a person asked for, checked as far as the command line alone allows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mayfly.cli import values
from mayfly.cli.complaints import Complaints
from mayfly.domain.architecture import Architecture

_MANUAL = "workflow_dispatch"


@dataclass(frozen=True, slots=True)
class Request:
    """`event` is None when the workflows themselves may choose; `workflows` are as typed."""

    workflows: tuple[str, ...]
    repo: Path
    event: str | None
    payload: Mapping[str, Any] | None
    jobs: frozenset[str]
    legs: tuple[Architecture | None, ...]
    matrix: Mapping[str, frozenset[str]]
    inputs: Mapping[str, str]
    vars: Mapping[str, str]
    env: Mapping[str, str]
    secrets: Mapping[str, str]
    image: str | None
    clean: bool


def read_request(
    complaints: Complaints,
    *,
    workflows: Sequence[str] | None,
    repo: Path,
    event: str | None,
    event_file: Path | None,
    jobs: Sequence[str] | None,
    arch: Sequence[str] | None,
    matrix: Sequence[str] | None,
    inputs: Sequence[str] | None,
    variables: Sequence[str] | None,
    environment: Sequence[str] | None,
    secrets: Mapping[str, str],
    image: str | None,
    clean: bool,
) -> Request:
    """Notes every value that is wrong; inputs without an event mean a manual start."""
    given = values.pairs("--input", inputs or (), complaints)
    return Request(
        workflows=tuple(workflows or ()),
        repo=repo,
        event=event or (_MANUAL if given else None),
        payload=values.payload(event_file, complaints),
        jobs=frozenset(jobs or ()),
        legs=values.legs(arch or (), complaints),
        matrix=values.matrix(matrix or (), complaints),
        inputs=given,
        vars=values.variables("--var", variables or (), complaints),
        env=values.variables("--env", environment or (), complaints),
        secrets=secrets,
        image=image,
        clean=clean,
    )
