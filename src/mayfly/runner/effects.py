"""What a step's workflow commands and files do to the job."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from mayfly.protocol.messages import Annotation, Level, Summary
from mayfly.runner.commands import WorkflowCommand
from mayfly.runner.envfiles import (
    CommandFiles,
    FileCommandInvalid,
    parse_pairs,
    parse_paths,
    read_bounded,
)
from mayfly.runner.masks import Masker, as_bytes
from mayfly.runner.matchers import Finding, MatcherInvalid, Matchers
from mayfly.runner.port import Port
from mayfly.runner.state import JobState

_MAX_ANNOTATIONS = 50
_MAX_MESSAGE = 16 * 1024
_MAX_SUMMARY = 1024 * 1024
_LEVELS = {"notice": Level.NOTICE, "warning": Level.WARNING, "error": Level.ERROR}
_BLOCKED = frozenset({"NODE_OPTIONS"})
_UNSECURE = "ACTIONS_ALLOW_UNSECURE_COMMANDS"


class Report:
    """What the host is told of one step that it shows: output, annotations, summary."""

    def __init__(self, number: int, port: Port, masker: Masker):
        self.number = number
        self._port = port
        self._masker = masker
        self._annotations = 0
        self._summary = b""

    def log(self, masked: bytes) -> None:
        self._port.send_log(self.number, masked)

    def say(self, text: str) -> None:
        """Lines of the runner's own."""
        self.log(self._masker.mask(as_bytes(text) + b"\n"))

    def annotate(self, annotation: Annotation) -> None:
        """At most 50 a step; the rest is in the log only."""
        self._annotations += 1
        if self._annotations <= _MAX_ANNOTATIONS:
            self._port.send(annotation)

    def text(self, text: str) -> str:
        """Bounded and without secrets, fit to be sent."""
        masked = self._masker.mask_text(text)
        return masked if len(masked) <= _MAX_MESSAGE else masked[:_MAX_MESSAGE] + " …"

    def summarise(self, markdown: bytes) -> None:
        if len(self._summary) + len(markdown) > _MAX_SUMMARY:
            self.say(
                f"##[error]$GITHUB_STEP_SUMMARY is left out: at most {_MAX_SUMMARY // 1024} KiB a "
                f"step are kept, this is {(len(self._summary) + len(markdown)) // 1024} KiB"
            )
            return
        self._summary += markdown

    def finish(self) -> None:
        if self._summary:
            markdown = self._masker.mask(self._summary).decode("utf-8", "replace")
            self._port.send(Summary(self.number, markdown))


@dataclass(slots=True)
class Effects:
    """Of one `run` step (or builtin). `failures` are reasons for the step to fail."""

    state: JobState
    report: Report
    matchers: Matchers
    env: dict[str, str]
    outputs: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    echo: bool = False

    def execute(self, command: WorkflowCommand, line: bytes) -> bytes:
        """Do what the command says; what to print in place of its line."""
        name, text = command.name, command.text
        if name in _LEVELS:
            self._annotate(command)
        if name in {"notice", "warning", "error", "group", "endgroup"}:
            return as_bytes(f"##[{name}]{text}\n")
        if name == "debug":
            return as_bytes(f"##[debug]{text}\n") if self.state.debug else b""
        printed = line if self.echo or self.state.debug else b""
        return printed + self._act(name, text, command.properties)

    def _act(self, name: str, text: str, properties: dict[str, str]) -> bytes:
        key = properties.get("name", "")
        if name == "add-mask":
            self.state.masker.add(text)
        elif name == "echo":
            self.echo = text.lower() == "on"
        elif name == "set-output":
            if key:
                self.outputs[key] = text
            else:
                return self._fail("set-output: the name of the output is missing")
        elif name == "add-matcher":
            return self._add_matcher(text)
        elif name == "remove-matcher":
            self.matchers.remove(properties.get("owner", ""))
        elif name in {"set-env", "add-path"}:
            return self._unsecure(name, key, text)
        return b""

    def read_files(self, files: CommandFiles) -> None:
        """Take over what the step wrote into its files."""
        for file, name, take in (
            (files.env, "env", self._take_env),
            (files.path, "path", self._take_path),
            (files.output, "output", self._take_outputs),
            (files.summary, "step summary", self.report.summarise),
        ):
            try:
                if data := read_bounded(file):
                    take(data)
            except FileCommandInvalid as error:
                self._failed(f"Unable to process file command '{name}' successfully: {error}")

    def _take_env(self, data: bytes) -> None:
        # All pairs first: a file with a mistake changes nothing.
        for name, value in list(parse_pairs(data)):
            self._set_env(name, value)

    def _take_path(self, data: bytes) -> None:
        for path in parse_paths(data):
            self.state.add_path(path)

    def _take_outputs(self, data: bytes) -> None:
        self.outputs.update(list(parse_pairs(data)))

    def _set_env(self, name: str, value: str) -> None:
        if name.upper() in _BLOCKED:
            self._failed(f"Can't store {name} using '$GITHUB_ENV': it may not be set this way")
        elif "\0" in name or "\0" in value:
            self._failed(f"The value of {name} holds a NUL byte, which no environment can")
        elif name in self.state.defaults:
            self.report.say(f"##[warning]{name} cannot be changed; the value set is ignored")
        else:
            self.state.env[name] = value

    def _unsecure(self, name: str, key: str, text: str) -> bytes:
        if self.env.get(_UNSECURE, "").lower() != "true":
            return self._fail(
                f"The `{name}` command is disabled: use $GITHUB_ENV or $GITHUB_PATH, or set "
                f"{_UNSECURE} to `true`"
            )
        if name == "add-path":
            self.state.add_path(text)
        elif key:
            self._set_env(key, text)
        return b""

    def _add_matcher(self, text: str) -> bytes:
        file = self.state.workspace / text
        try:
            self.matchers.add(file.read_bytes())
        except OSError as error:
            return self._fail(f"add-matcher: {file}: {error.strerror}")
        except MatcherInvalid as error:
            return self._fail(f"add-matcher: {file}: {error}")
        return b""

    def _annotate(self, command: WorkflowCommand) -> None:
        properties = command.properties
        self.report.annotate(
            Annotation(
                self.report.number,
                _LEVELS[command.name],
                self.report.text(command.text),
                title=self._masked(properties.get("title")),
                file=self._masked(properties.get("file")),
                line=_number(properties.get("line")),
                end_line=_number(properties.get("endline")),
                column=_number(properties.get("col")),
                end_column=_number(properties.get("endcolumn")),
            )
        )

    def found(self, finding: Finding) -> None:
        """A problem matcher's finding becomes an annotation."""
        self.report.annotate(
            Annotation(
                self.report.number,
                finding.level,
                self.report.text(finding.message),
                title=self._masked(finding.code),
                file=self._masked(self._relative(finding)),
                line=finding.line,
                column=finding.column,
            )
        )

    def _relative(self, finding: Finding) -> str | None:
        """The file from the workspace's root, which is how the host knows it."""
        if not finding.file:
            return None
        base = self.state.workspace
        if finding.from_path:
            base = (base / finding.from_path).parent
        path = Path(os.path.normpath(base / finding.file))
        if path.is_relative_to(self.state.workspace):
            return str(path.relative_to(self.state.workspace))
        return str(path)

    def _masked(self, text: str | None) -> str | None:
        return self.report.text(text) if text else None

    def _fail(self, reason: str) -> bytes:
        self.failures.append(reason)
        return as_bytes(f"##[error]{reason}\n")

    def _failed(self, reason: str) -> None:
        self.report.log(self.state.masker.mask(self._fail(reason)))


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None
