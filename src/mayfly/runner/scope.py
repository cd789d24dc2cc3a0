"""The values and functions that expressions see at one level of steps.

A level is the job's list of steps or a composite action's; each has its own `steps` and `inputs`
and its own idea of success.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mayfly.protocol.messages import Conclusion
from mayfly.runner.hashfiles import hash_files
from mayfly.runner.state import JobState
from mayfly.workflow.expressions import (
    Condition,
    ExpressionError,
    FunctionFailed,
    Template,
    Value,
    is_truthy,
    to_number,
)


@dataclass(frozen=True, slots=True)
class StepResult:
    """How a step ended; `outcome` is before, `conclusion` after `continue-on-error`."""

    outcome: Conclusion
    conclusion: Conclusion
    exit_code: int | None = None
    reason: str | None = None


@dataclass(slots=True)
class Scope:
    """`env` is what steps around this level add; `depth` counts the composite actions around it.

    `action` says of a composite action what the `github` context does: its `action_path` and such.
    `failed` is the status of a composite level; the job's own is in `state`.
    """

    state: JobState
    inputs: Mapping[str, Any]
    env: dict[str, str] = field(default_factory=dict)
    steps: dict[str, Any] = field(default_factory=dict)
    action: dict[str, str] = field(default_factory=dict)
    depth: int = 0
    failed: bool = False
    names: dict[str, int] = field(default_factory=dict)

    def record(self, step_id: str | None, result: StepResult, outputs: dict[str, str]) -> None:
        """What later steps see of this one."""
        if step_id is not None:
            self.steps[step_id] = {
                "outputs": outputs,
                "outcome": result.outcome.value,
                "conclusion": result.conclusion.value,
            }

    def skip(self, step_id: str | None) -> StepResult:
        """Record a step whose `if` does not hold."""
        result = StepResult(Conclusion.SKIPPED, Conclusion.SKIPPED)
        self.record(step_id, result, {})
        return result

    @property
    def succeeding(self) -> bool:
        if self.depth:
            return not self.failed
        return self.state.status is Conclusion.SUCCESS

    def unique_name(self, wanted: str) -> str:
        """`github.action`: the step's id, or a name of what it does, counted when repeated."""
        count = self.names[wanted] = self.names.get(wanted, 0) + 1
        return wanted if count == 1 else f"{wanted}_{count}"

    def contexts(self, env: dict[str, str]) -> dict[str, Value]:
        state = self.state
        known = state.spec.contexts
        github = state.github
        if self.depth:
            status = "failure" if self.failed else "success"
            github = {**github, **self.action, "action_status": status}
        job = dict(known.get("job") or {})
        job["status"] = state.status.value
        return {
            **known,
            "github": github,
            "env": env,
            "job": job,
            "runner": state.runner,
            "steps": self.steps,
            "inputs": self.inputs,
        }

    def holds(self, condition: str | None, env: dict[str, str]) -> bool:
        """Whether a step's `if` holds; ExpressionError if it cannot be evaluated."""
        if condition is None:
            return self.succeeding
        return Condition.parse(condition).evaluate(self.contexts(env), self._functions())

    def text(self, template: str, env: dict[str, str]) -> str:
        """A template's text; ExpressionError if it cannot be evaluated."""
        if "${{" not in template:
            return template
        return Template.parse(template).evaluate_string(self.contexts(env), self._functions())

    def flag(self, template: str | None, env: dict[str, str]) -> bool:
        if template is None:
            return False
        if "${{" not in template:
            return template.strip().lower() == "true"
        value = Template.parse(template).evaluate(self.contexts(env), self._functions())
        return value.strip().lower() == "true" if isinstance(value, str) else is_truthy(value)

    def number(self, template: str, env: dict[str, str]) -> float:
        """ExpressionError if the text is not a number."""
        number = to_number(self.text(template, env))
        if number != number or number < 0:  # noqa: PLR0124 (NaN)
            raise ExpressionError(f"'{template}' is not a number", 0)
        return number

    def _functions(self) -> dict[str, Any]:
        state = self.state
        return {
            "success": lambda: self.succeeding,
            "failure": self._failing,
            "always": lambda: True,
            "cancelled": lambda: state.status is Conclusion.CANCELLED,
            "hashFiles": self._hash_files,
        }

    def _failing(self) -> bool:
        return self.failed if self.depth else self.state.status is Conclusion.FAILURE

    def _hash_files(self, *patterns: Value) -> str:
        try:
            return hash_files(self.state.workspace, [str(pattern) for pattern in patterns])
        except OSError as error:
            raise FunctionFailed(f"hashFiles: {error.filename}: {error.strerror}") from None
