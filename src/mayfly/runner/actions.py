"""What a step `uses`: the built-in checkout, and composite actions from the workspace or afar."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from mayfly.domain.errors import WorkflowInvalid
from mayfly.protocol.messages import Conclusion
from mayfly.runner.checkout import Checkout
from mayfly.runner.interrupt import Interrupt
from mayfly.runner.launcher import Command
from mayfly.runner.machine import Machine
from mayfly.runner.scope import Scope
from mayfly.runner.sources import Sources, SourceUnavailable
from mayfly.runner.state import JobState
from mayfly.runner.steps import Running, StepFailed, StepRunner
from mayfly.workflow.action import COMPOSITE, read_action
from mayfly.workflow.expressions import ExpressionError, to_string
from mayfly.workflow.model import Action, Step

_MAX_DEPTH = 10
_MAX_FILE = 1024 * 1024
_FILES = ("action.yml", "action.yaml")
_PIECE = 256 * 1024
_REMOTE = re.compile(r"(?P<repository>[^/@\s]+/[^/@\s]+)(?P<path>/[^@\s]*)?@(?P<ref>\S+)")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an action's files are, and what the `github` context says of it."""

    directory: Path
    context: dict[str, str]


class Actions:
    """Runs the `uses` steps of one job."""

    def __init__(self, machine: Machine, state: JobState):
        self._machine = machine
        self._state = state
        self._sources = Sources(machine.port)
        self._checkout = Checkout(machine, state, self._sources)
        self._fetched: dict[str, Path] = {}

    def run(self, running: Running, runner: StepRunner) -> None:
        """Raises StepFailed when the action fails or cannot be run."""
        uses = running.step.uses or ""
        given = {name.lower(): running.text(value) for name, value in running.step.with_.items()}
        running.report.say(_header(uses, given))
        self._machine.wait_until_settled()
        if uses.lower().startswith("actions/checkout@"):
            self._checkout.run(running, given)
            return
        place = self._locate(uses, running.interrupt)
        action = self._read(uses, place.directory)
        if action.using != COMPOSITE:
            raise StepFailed(
                f"{uses}: is a {_kind(action)} action, which cannot be run here; "
                "only composite actions can"
            )
        if running.scope.depth >= _MAX_DEPTH:
            raise StepFailed(f"{uses}: composite actions are nested deeper than {_MAX_DEPTH}")
        self._composite(running, runner, action, place, given)

    def _locate(self, uses: str, interrupt: Interrupt) -> _Place:
        if uses.startswith("./"):
            directory = self._state.workspace / uses
            return _Place(directory, {"action_path": str(directory)})
        match = _REMOTE.fullmatch(uses)
        key = self._state.spec.actions.get(uses)
        if match is None or key is None:
            raise StepFailed(f"{uses}: this action was not fetched for the job")
        root = self._fetch(uses, key, interrupt)
        directory = root / (match["path"] or "").lstrip("/")
        context = {
            "action_path": str(directory),
            "action_repository": match["repository"],
            "action_ref": match["ref"],
        }
        return _Place(directory, context)

    def _fetch(self, uses: str, key: str, interrupt: Interrupt) -> Path:
        """The directory of a fetched source, unpacked once a job."""
        if key in self._fetched:
            return self._fetched[key]
        layout = self._state.layout
        directory = layout.actions / hashlib.sha256(key.encode()).hexdigest()[:32]
        layout.prepare(directory)
        archive = directory.with_suffix(".tar")
        try:
            stream = self._sources.open(key, interrupt)
            with archive.open("wb") as file:
                while piece := stream.read(_PIECE):
                    file.write(piece)
            layout.own(archive)
            # tar itself refuses names that lead out of the directory.
            argv = ("tar", "--extract", "--no-same-owner", "--file", str(archive))
            command = Command(argv, self._state.base_variables(), directory)
            status, output = self._machine.run_quietly(command, interrupt)
        except SourceUnavailable as error:
            raise StepFailed(f"{uses}: {error}") from None
        finally:
            archive.unlink(missing_ok=True)
        if status:
            raise StepFailed(f"{uses}: its source is damaged: {output.decode(errors='replace')}")
        self._fetched[key] = directory
        return directory

    def _read(self, uses: str, directory: Path) -> Action:
        for name in _FILES:
            try:
                with (directory / name).open("rb") as file:
                    data = file.read(_MAX_FILE + 1)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise StepFailed(f"{uses}: {name}: {error.strerror}") from None
            if len(data) > _MAX_FILE:
                raise StepFailed(f"{uses}: {name} is larger than {_MAX_FILE} bytes")
            try:
                return read_action(data, f"{uses}/{name}")
            except WorkflowInvalid as error:
                raise StepFailed(str(error)) from None
        if (directory / "Dockerfile").exists():
            raise StepFailed(f"{uses}: is a docker action, which cannot be run here")
        raise StepFailed(
            f"{uses}: there is no action.yml or action.yaml in {directory}; "
            "did you forget to run actions/checkout before this local action?"
        )

    def _composite(
        self,
        running: Running,
        runner: StepRunner,
        action: Action,
        place: _Place,
        given: dict[str, str],
    ) -> None:
        outer = running.scope
        own = {name: running.env[name] for name in running.step.env}
        inner = Scope(
            self._state,
            inputs={},
            env={**outer.env, **own},
            action=place.context,
            depth=outer.depth + 1,
        )
        inner.inputs = _inputs(action, given, inner, running)
        failed: str | None = None
        for step in action.steps:
            if running.interrupt.reason is not None:
                return
            reason = _inner_step(step, inner, running, runner)
            failed = failed or reason
        for name, template in action.outputs.items():
            running.outputs[name] = inner.text(template, self._state.env)
        if failed is not None:
            raise StepFailed(failed, logged=True)


def _inner_step(step: Step, inner: Scope, outer: Running, runner: StepRunner) -> str | None:
    """Run one step of a composite action; the reason if it failed."""
    try:
        env = runner.environment(step, inner)
        wanted = inner.holds(step.condition, env)
    except ExpressionError as error:
        outer.report.say(f"##[error]{error}")
        inner.failed = True
        return str(error)
    if not wanted:
        inner.skip(step.id)
        return None
    running = Running(step, inner, env, outer.report, outer.interrupt, {})
    result = runner.run(running)
    if result.conclusion is not Conclusion.FAILURE:
        return None
    inner.failed = True
    return result.reason


def _inputs(
    action: Action, given: dict[str, str], inner: Scope, running: Running
) -> dict[str, str]:
    known = {declared.name.lower() for declared in action.inputs}
    if unexpected := sorted(given.keys() - known):
        running.report.say(f"##[warning]Unexpected input(s): {', '.join(unexpected)}")
    values = {}
    for declared in action.inputs:
        value = given.get(declared.name.lower())
        if value is None:
            value = inner.text(to_string(declared.default), running.env)
        elif declared.deprecation:
            running.report.say(
                f"##[warning]Input '{declared.name}' is deprecated: {declared.deprecation}"
            )
        values[declared.name] = value
    return values


def _kind(action: Action) -> str:
    return "docker" if action.using == "docker" else f"JavaScript ({action.using})"


def _header(uses: str, given: dict[str, str]) -> str:
    lines = [f"##[group]Run {uses}"]
    if given:
        lines += ["with:", *(f"  {name}: {value}" for name, value in given.items())]
    return "\n".join((*lines, "##[endgroup]"))
