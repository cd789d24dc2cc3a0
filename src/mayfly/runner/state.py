"""What a running job knows: its specification, and what its steps have changed so far."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mayfly.domain.architecture import Architecture
from mayfly.protocol.messages import Conclusion
from mayfly.runner.layout import Layout
from mayfly.runner.masks import Masker
from mayfly.workflow.spec import JobSpec

# The properties of the `github` context that steps also see as GITHUB_<NAME>.
_EXPORTED = (
    "actor actor_id api_url base_ref event_name event_path graphql_url head_ref job ref ref_name"
    " ref_protected ref_type repository repository_id repository_owner repository_owner_id"
    " retention_days run_attempt run_id run_number server_url sha triggering_actor workflow"
    " workflow_ref workflow_sha workspace"
)
_CASE = {True: "true", False: "false", None: ""}


@dataclass(slots=True)
class JobState:
    """`env` is the job's environment with what steps added; `path` what they put before PATH.

    `defaults` are the variables every step sees and none can change.
    """

    spec: JobSpec
    layout: Layout
    masker: Masker
    workspace: Path
    github: dict[str, Any]
    runner: dict[str, Any]
    env: dict[str, str]
    defaults: dict[str, str]
    debug: bool
    path: list[str] = field(default_factory=list)
    status: Conclusion = Conclusion.SUCCESS

    @classmethod
    def begin(cls, spec: JobSpec, layout: Layout, machine: str) -> "JobState":
        """The state before the first step, on a machine of this name; writes nothing yet."""
        workspace = layout.workspace(spec.repository)
        contexts = spec.contexts
        github = dict(contexts.get("github") or {})
        github["workspace"] = str(workspace)
        github["event_path"] = str(layout.event)
        masker = Masker(spec.masks)
        secrets = contexts.get("secrets") or {}
        variables = contexts.get("vars") or {}
        for value in secrets.values():
            masker.add(str(value))
        debug = str(
            secrets.get("ACTIONS_STEP_DEBUG", variables.get("ACTIONS_STEP_DEBUG"))
        ).lower() in ("true", "1")
        runner = _runner_context(spec, layout, machine, debug=debug)
        return cls(
            spec=spec,
            layout=layout,
            masker=masker,
            workspace=workspace,
            github=github,
            runner=runner,
            env=dict(spec.env),
            defaults=_default_variables(github, runner, workspace),
            debug=debug,
        )

    def write_event(self) -> None:
        """The file behind GITHUB_EVENT_PATH."""
        event = json.dumps(self.github.get("event", {}), separators=(",", ":"))
        self.layout.write(self.layout.event, event.encode("utf-8", "surrogatepass"))

    def add_path(self, directory: str) -> None:
        """Put a directory before PATH for later steps; the last one added comes first."""
        if directory in self.path:
            self.path.remove(directory)
        self.path.insert(0, directory)

    def base_variables(self) -> dict[str, str]:
        """What a step's environment begins with."""
        account = self.layout.account
        return {
            **self.layout.variables,
            "HOME": str(account.home),
            "USER": account.name,
            "LOGNAME": account.name,
            "SHELL": "/bin/bash",
            "CI": "true",
        }


def _runner_context(spec: JobSpec, layout: Layout, machine: str, *, debug: bool) -> dict[str, Any]:
    context = {
        "name": machine,
        "environment": "self-hosted",
        **(spec.contexts.get("runner") or {}),
        "os": "Linux",
        "arch": Architecture.of_host().runner_arch,
        "temp": str(layout.temp),
        "tool_cache": str(layout.tool_cache),
        "workspace": str(layout.workspace(spec.repository).parent),
    }
    if debug:
        context["debug"] = "1"
    return context


def _default_variables(
    github: dict[str, Any], runner: dict[str, Any], workspace: Path
) -> dict[str, str]:
    variables = {"GITHUB_ACTIONS": "true"}
    for name in _EXPORTED.split():
        if (value := github.get(name)) is not None:
            variables[f"GITHUB_{name.upper()}"] = _text(value)
    for name, value in runner.items():
        variables[f"RUNNER_{name.upper()}"] = _text(value)
    variables["AGENT_TOOLSDIRECTORY"] = variables["RUNNER_TOOL_CACHE"]
    return variables


def _text(value: Any) -> str:
    return _CASE[value] if value is None or isinstance(value, bool) else str(value)
