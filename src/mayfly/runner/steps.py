"""Runs one step: condition, environment, script or action, and what it leaves behind."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mayfly.protocol.messages import Conclusion
from mayfly.runner.effects import Effects, Report
from mayfly.runner.interrupt import Interrupt, Interrupted, Stop
from mayfly.runner.launcher import Command
from mayfly.runner.machine import Machine
from mayfly.runner.masks import as_bytes
from mayfly.runner.matchers import Matchers
from mayfly.runner.output import StepOutput
from mayfly.runner.process import Ending
from mayfly.runner.scope import Scope, StepResult
from mayfly.runner.shells import ShellRefused, choose_shell
from mayfly.runner.state import JobState
from mayfly.workflow.expressions import ExpressionError
from mayfly.workflow.model import Step


class StepFailed(Exception):
    """The step cannot succeed; the message says why. It is `logged` if the log says so already."""

    def __init__(self, reason: str, *, logged: bool = False):
        super().__init__(reason)
        self.logged = logged


@dataclass(slots=True)
class Running:
    """One step while it runs: where it is, its environment, whom it tells, what may stop it."""

    step: Step
    scope: Scope
    env: dict[str, str]
    report: Report
    interrupt: Interrupt
    outputs: dict[str, str]

    def text(self, template: str) -> str:
        return self.scope.text(template, self.env)


class Uses(Protocol):
    """Runs what a step `uses`: fills its `outputs`, raises StepFailed.

    `runner` runs the steps that an action consists of.
    """

    def __call__(self, running: Running, runner: "StepRunner") -> None: ...


class StepRunner:
    """Runs the steps of one job, on any level."""

    def __init__(self, machine: Machine, state: JobState, uses: Uses):
        self._machine = machine
        self.state = state
        self._matchers = Matchers()
        self._uses = uses

    def environment(self, step: Step, scope: Scope) -> dict[str, str]:
        """The `env` context of a step; ExpressionError if a value cannot be evaluated."""
        env = {**self.state.env, **scope.env}
        if not step.env:
            return env
        return env | {name: scope.text(value, env) for name, value in step.env.items()}

    def run(self, running: Running) -> StepResult:
        """Run a step whose `if` holds, and record how it ended."""
        exit_code: int | None = None
        reason: str | None = None
        logged = False
        try:
            if running.step.uses is not None:
                self._uses(running, self)
            else:
                ending, failures = self._script(running)
                exit_code, reason = _judged(ending)
                if reason is not None and (why := self._machine.exceeded()) is not None:
                    reason = f"{reason.removesuffix('.')}: {why}."
                reason = reason or next(iter(failures), None)
        except StepFailed as error:
            reason, logged = str(error), error.logged
        except (ExpressionError, ShellRefused) as error:
            reason = str(error)
        except Interrupted:
            reason = "interrupted"
        result = self._result(running, exit_code, reason)
        if result.reason is not None and not logged:
            running.report.say(f"##[error]{result.reason}")
        running.scope.record(running.step.id, result, running.outputs)
        return result

    def _result(self, running: Running, exit_code: int | None, reason: str | None) -> StepResult:
        stopped = running.interrupt.reason
        if stopped is Stop.CANCELLED:
            reason = "The operation was canceled."
            return StepResult(Conclusion.CANCELLED, Conclusion.CANCELLED, exit_code, reason)
        if stopped is Stop.TIMED_OUT:
            reason = "The step has timed out."
        if reason is None:
            return StepResult(Conclusion.SUCCESS, Conclusion.SUCCESS, exit_code)
        conclusion = Conclusion.FAILURE
        try:
            if running.scope.flag(running.step.continue_on_error, running.env):
                conclusion = Conclusion.SUCCESS
        except ExpressionError as error:
            reason = f"{reason}; continue-on-error: {error}"
        return StepResult(Conclusion.FAILURE, conclusion, exit_code, reason)

    def _script(self, running: Running) -> tuple[Ending, list[str]]:
        state, report = self.state, running.report
        directory = self._directory(running)
        variables = self._variables(running)
        shell = choose_shell(self._shell_name(running), variables["PATH"])
        script = running.text(running.step.run or "")
        files = self._machine.command_files()
        file = files.script.with_suffix(shell.extension)
        variables |= files.variables()
        effects = Effects(state, report, self._matchers, running.env, running.outputs)
        output = StepOutput(report.log, state.masker, self._matchers, effects)
        command = Command(shell.argv(str(file)), variables, directory)
        process = self._machine.start_script(command, file, as_bytes(script), output.feed)
        report.say(_header(script, shell.shown, running.env))  # while the shell starts
        ending = running.interrupt.wait(process)
        output.finish()
        effects.read_files(files)
        return ending, effects.failures

    def _shell_name(self, running: Running) -> str | None:
        name = running.step.shell
        if name is None and not running.scope.depth:
            name = self.state.spec.default_shell
        return running.text(name) if name else None

    def _directory(self, running: Running) -> Path:
        wanted = running.step.working_directory
        if wanted is None and not running.scope.depth:
            wanted = self.state.spec.default_working_directory
        return self.state.workspace / running.text(wanted) if wanted else self.state.workspace

    def _variables(self, running: Running) -> dict[str, str]:
        """The environment of the step's process."""
        state, scope, step = self.state, running.scope, running.step
        variables = {**state.base_variables(), **running.env, **state.defaults}
        variables["GITHUB_ACTION"] = step.id or scope.unique_name("__run")
        for name, value in scope.action.items():
            variables[f"GITHUB_{name.upper()}"] = value
        if state.path:
            variables["PATH"] = os.pathsep.join((*state.path, variables["PATH"]))
        return variables


def _header(script: str, shell: str, env: dict[str, str]) -> str:
    """What a log says before a script's output, folded."""
    lines = script.strip("\n").split("\n")
    text = [f"##[group]Run {lines[0]}", *lines, f"shell: {shell}"]
    if env:
        text.append("env:")
        text += [f"  {name}: {value}" for name, value in env.items()]
    return "\n".join((*text, "##[endgroup]"))


def _judged(ending: Ending) -> tuple[int, str | None]:
    """Exit code as a shell would give it, and the reason if it is a failure."""
    if ending.error is not None:
        return ending.status, ending.error
    if ending.status < 0:
        return 128 - ending.status, f"Process was killed by signal {-ending.status}."
    if ending.status:
        return ending.status, f"Process completed with exit code {ending.status}."
    return 0, None
