"""What a client sends to have workflows run on a fleet: text, never a plan.

The server reads the texts with the same reader and bounds as everybody's, so that a plan it
carries out was made by itself.
"""

from dataclasses import dataclass, field
from typing import Any

from mayfly.domain.architecture import Architecture
from mayfly.domain.labels import Requirement
from mayfly.workflow.events import Event, RepositoryState


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One workflow on one leg, for one event; see `workflow.planned.RunPlan` for the fields.

    `texts` has the workflow `file` and every reusable one it calls: those of the repository by
    path, others by their whole `uses`. `actions` maps the `uses` of fetched actions to keys.
    """

    file: str
    texts: dict[str, str]
    event: Event
    repository: RepositoryState
    actions: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    vars: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    architecture: Architecture | None = None
    jobs: frozenset[str] = frozenset()
    matrix: dict[str, frozenset[str]] = field(default_factory=dict)
    labels: dict[str, Requirement] = field(default_factory=dict)
    image: str | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """Runs of one clone. Blobs are named by their SHA-256 and must have been uploaded.

    `source` is the tar that machines check out (`protocol.source`); `actions` maps the keys of
    fetched actions to their tars. With `fit` jobs that no host is large enough for get the
    nearest size.
    """

    runs: tuple[RunRequest, ...]
    source: str
    actions: dict[str, str] = field(default_factory=dict)
    fit: bool = False
