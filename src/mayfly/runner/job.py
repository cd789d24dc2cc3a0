"""One job from its first step to its last: the flow, and what cancels it."""

from typing import Final

from mayfly.protocol.messages import (
    Cancel,
    Conclusion,
    JobFinished,
    JobStarted,
    StepFinished,
    StepStarted,
)
from mayfly.runner.actions import Actions
from mayfly.runner.effects import Report
from mayfly.runner.interrupt import Interrupt, Stop
from mayfly.runner.machine import Machine
from mayfly.runner.scope import Scope, StepResult
from mayfly.runner.state import JobState
from mayfly.runner.steps import Running, StepRunner
from mayfly.workflow.expressions import ExpressionError
from mayfly.workflow.model import Step
from mayfly.workflow.spec import JobSpec

_MAX_OUTPUT: Final = 1024 * 1024
_MAX_OUTPUTS: Final = 4 * 1024 * 1024
# Less than the host waits for a runner whose job has run out of time.
_GRACE_AFTER_TIMEOUT_S: Final = 30.0
_MAX_NAME: Final = 1000


class Job:
    """Runs once."""

    def __init__(self, machine: Machine, spec: JobSpec, name: str):
        """`name` is the machine's, which it may be given only while the job is made ready."""
        self._machine = machine
        self._state = JobState.begin(spec, machine.layout, name)
        self._scope = Scope(self._state, spec.contexts.get("inputs") or {})
        self._steps = StepRunner(machine, self._state, Actions(machine, self._state).run)
        self._running: Running | None = None
        self._timed_out = False
        self._expired = False

    def run(self) -> JobFinished:
        """Every step in order; what the host is to be told last."""
        port, spec = self._machine.port, self._state.spec
        port.on_cancel = self._cancel
        port.send(JobStarted())
        timer = self._machine.loop.after(spec.timeout_minutes * 60, self._time_out)
        self._state.write_event()
        self._set_up()
        for number, step in enumerate(spec.steps, 1):
            self._step(number, step)
        timer.cancel()
        self._machine.kill_leftovers()
        return self._finished()

    def _set_up(self) -> None:
        """Step 0: what this machine is, in one frame."""
        port = self._machine.port
        port.send(StepStarted(0, "Set up job"))
        port.send_log(0, self._machine.description)
        port.send(StepFinished(0, Conclusion.SUCCESS, Conclusion.SUCCESS))

    def _step(self, number: int, step: Step) -> None:
        state, scope, port = self._state, self._scope, self._machine.port
        env = state.env
        problem: str | None = None
        wanted = False
        try:
            env = self._steps.environment(step, scope)
            wanted = not self._expired and scope.holds(step.condition, env)
        except ExpressionError as error:
            problem = f"if: {error}"
        name = self._name(step, env)
        port.send_later(lambda: StepStarted(number, state.masker.mask_text(name)[:_MAX_NAME]))
        report = Report(number, port, state.masker)
        if problem is not None:
            report.say(f"##[error]{problem}")
            result = StepResult(Conclusion.FAILURE, Conclusion.FAILURE, None, problem)
        elif not wanted:
            result = scope.skip(step.id)
        else:
            interrupt = Interrupt(self._machine.patience)
            result = self._run(Running(step, scope, env, report, interrupt, {}))
        if result.conclusion is Conclusion.FAILURE and state.status is Conclusion.SUCCESS:
            state.status = Conclusion.FAILURE
        report.finish()
        reason = report.text(result.reason) if result.reason else None
        port.send(StepFinished(number, result.outcome, result.conclusion, result.exit_code, reason))

    def _run(self, running: Running) -> StepResult:
        self._running = running
        timer = None
        try:
            if running.step.timeout_minutes is not None:
                minutes = running.scope.number(running.step.timeout_minutes, running.env)
                timer = self._machine.loop.after(
                    minutes * 60, lambda: running.interrupt.trigger(Stop.TIMED_OUT)
                )
            return self._steps.run(running)
        except ExpressionError as error:
            reason = f"timeout-minutes: {error}"
            return StepResult(Conclusion.FAILURE, Conclusion.FAILURE, None, reason)
        finally:
            self._running = None
            if timer is not None:
                timer.cancel()

    def _cancel(self, cancel: Cancel) -> None:
        self._abort(cancel.grace_s)

    def _time_out(self) -> None:
        self._timed_out = True
        self._abort(_GRACE_AFTER_TIMEOUT_S)

    def _abort(self, grace_s: float) -> None:
        """Stop the running step unless its `if` still holds; bound what the others may take."""
        self._state.status = Conclusion.CANCELLED
        self._machine.loop.after(grace_s, self._expire)
        if (running := self._running) is not None:
            try:
                stays = running.scope.holds(running.step.condition, running.env)
            except ExpressionError:
                stays = False
            if not stays:
                running.interrupt.trigger(Stop.CANCELLED)

    def _expire(self) -> None:
        self._expired = True
        if self._running is not None:
            self._running.interrupt.kill()

    def _name(self, step: Step, env: dict[str, str]) -> str:
        if step.name:
            try:
                name = self._scope.text(step.name, env)
            except ExpressionError:
                name = step.name
        elif step.run is not None:
            name = "Run " + step.run.strip().split("\n", 1)[0]
        else:
            name = f"Run {step.uses}"
        return name

    def _finished(self) -> JobFinished:
        state = self._state
        outputs: dict[str, str] = {}
        reason: str | None = None
        conclusion = state.status
        for name, template in state.spec.outputs.items():
            try:
                value = self._scope.text(template, state.env)
            except ExpressionError as error:
                reason = f"output '{name}': {error}"
                continue
            if len(value.encode("utf-8", "replace")) > _MAX_OUTPUT:
                reason = f"output '{name}' is larger than {_MAX_OUTPUT} bytes"
            elif not state.masker.holds_secret(value):
                outputs[name] = state.masker.mask_text(value)
        if sum(map(len, outputs.values())) > _MAX_OUTPUTS:
            reason, outputs = f"the job's outputs are larger than {_MAX_OUTPUTS} bytes", {}
        if reason is not None and conclusion is Conclusion.SUCCESS:
            conclusion = Conclusion.FAILURE
        return JobFinished(conclusion, outputs, self._timed_out, self._url(), reason)

    def _url(self) -> str | None:
        template = self._state.spec.environment_url
        if template is None:
            return None
        try:
            url = self._scope.text(template, self._state.env)
        except ExpressionError:
            return None
        return self._state.masker.mask_text(url) or None
