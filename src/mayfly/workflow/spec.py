"""The job as it is handed to a runner: everything decided on the host is already in it.

Expressions that only the machine can evaluate (steps, job outputs) are still templates: text
with `${{ }}` in it.
"""

from dataclasses import dataclass, field
from typing import Any

from mayfly.workflow.model import Step


@dataclass(frozen=True, slots=True)
class JobSpec:
    """One job for one machine.

    `contexts` holds the values of `github`, `needs`, `matrix`, `strategy`, `inputs`, `vars` and
    `secrets`, and of `job` and `runner` what the host knows of them. `env` is the workflow's and
    the job's environment, evaluated and merged. `masks` are values never to be printed.
    `outputs` and `environment_url` are templates. `actions` maps a remote `uses` to the key under
    which the host serves its source. `workspace` is where the repository will be.
    """

    key: str
    name: str
    steps: tuple[Step, ...]
    contexts: dict[str, Any]
    env: dict[str, str] = field(default_factory=dict)
    masks: tuple[str, ...] = ()
    default_shell: str | None = None
    default_working_directory: str | None = None
    outputs: dict[str, str] = field(default_factory=dict)
    environment_url: str | None = None
    timeout_minutes: float = 360.0
    actions: dict[str, str] = field(default_factory=dict)
    repository: str = "local/repository"
