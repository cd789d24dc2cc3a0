"""A workflow file as typed data. Strings that may hold `${{ }}` are kept as they were written.

`reader` makes these out of YAML; `plan` turns them into jobs to run. A value that YAML allows to
be a boolean or a number is kept as the text GitHub would make of it ("true", "30").
"""

from dataclasses import dataclass, field
from typing import Any

from mayfly.domain.errors import Location


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a job or composite action; exactly one of `run` and `uses` is set.

    `condition`, `continue_on_error`, `timeout_minutes` and the values of `with_` and `env` are
    templates (`condition` may lack its `${{ }}`). `uses_at` is where `uses` is written.
    """

    location: Location
    id: str | None = None
    name: str | None = None
    condition: str | None = None
    run: str | None = None
    uses: str | None = None
    with_: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    shell: str | None = None
    working_directory: str | None = None
    continue_on_error: str | None = None
    timeout_minutes: str | None = None
    uses_at: Location | None = None


@dataclass(frozen=True, slots=True)
class Located:
    """A part of the file kept as plain data (None, bool, int, float, str, list, dict)."""

    location: Location
    value: Any


@dataclass(frozen=True, slots=True)
class Defaults:
    """`defaults.run`, templates."""

    shell: str | None = None
    working_directory: str | None = None


@dataclass(frozen=True, slots=True)
class Concurrency:
    """`group` and `cancel_in_progress` are templates; `queue` is "single" or "max"."""

    group: str
    cancel_in_progress: str = "false"
    queue: str = "single"


@dataclass(frozen=True, slots=True)
class Environment:
    """A deployment environment a job names; `url` is evaluated when the job ends."""

    name: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Strategy:
    """`matrix` is a mapping as written (values may be templates), or one template, or None."""

    matrix: dict[str, Any] | str | None = None
    fail_fast: str = "true"
    max_parallel: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A job that calls a reusable workflow. `secrets` is "inherit" or name → template.

    The values of `with_` are templates, booleans and numbers.
    """

    uses: str
    with_: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] | str = field(default_factory=dict)
    uses_at: Location | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One entry of `jobs`. `call` is set for a reusable workflow, else `steps` is not empty.

    `runs_on` is a template, a list of templates, or a mapping with `group` and `labels`.
    """

    id: str
    location: Location
    name: str | None = None
    needs: tuple[str, ...] = ()
    condition: str | None = None
    runs_on: str | tuple[str, ...] | dict[str, Any] | None = None
    strategy: Strategy = field(default_factory=Strategy)
    env: dict[str, str] | str = field(default_factory=dict)
    defaults: Defaults = field(default_factory=Defaults)
    concurrency: Concurrency | None = None
    environment: Environment | None = None
    permissions: dict[str, str] | str | None = None
    outputs: dict[str, str] = field(default_factory=dict)
    timeout_minutes: str | None = None
    continue_on_error: str | None = None
    steps: tuple[Step, ...] = ()
    call: Call | None = None
    cancel_timeout_minutes: str | None = None
    container: Located | None = None
    services: Located | None = None
    snapshot: Located | None = None


@dataclass(frozen=True, slots=True)
class Input:
    """An input of `workflow_dispatch`, `workflow_call` or an action.

    `type` is string, boolean, number, choice or environment; `default` is as written.
    """

    name: str
    type: str = "string"
    description: str | None = None
    required: bool = False
    default: Any = None
    options: tuple[str, ...] = ()
    deprecation: str | None = None


@dataclass(frozen=True, slots=True)
class Trigger:
    """One event under `on`, with its filters as written (None: not given)."""

    event: str
    location: Location
    types: tuple[str, ...] | None = None
    branches: tuple[str, ...] | None = None
    branches_ignore: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    tags_ignore: tuple[str, ...] | None = None
    paths: tuple[str, ...] | None = None
    paths_ignore: tuple[str, ...] | None = None
    workflows: tuple[str, ...] | None = None
    cron: tuple[str, ...] = ()
    inputs: tuple[Input, ...] = ()
    secrets: dict[str, bool] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Workflow:
    file: str
    name: str | None
    triggers: tuple[Trigger, ...]
    jobs: tuple[Job, ...]
    run_name: str | None = None
    env: dict[str, str] | str = field(default_factory=dict)
    defaults: Defaults = field(default_factory=Defaults)
    concurrency: Concurrency | None = None
    permissions: dict[str, str] | str | None = None

    def trigger(self, event: str) -> Trigger | None:
        return next((found for found in self.triggers if found.event == event), None)


@dataclass(frozen=True, slots=True)
class Action:
    """An action.yml. `using` is composite, docker or a node version; `steps` for composite only."""

    file: str
    name: str
    using: str
    location: Location
    inputs: tuple[Input, ...] = ()
    outputs: dict[str, str] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
