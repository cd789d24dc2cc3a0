"""Which program runs a `run` step's script."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from mayfly.runner.launcher import find_program

_KNOWN = {
    "bash": (("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "{0}"), ".sh"),
    "sh": (("sh", "-e", "{0}"), ".sh"),
    "python": (("python", "{0}"), ".py"),
    "pwsh": (("pwsh", "-command", ". '{0}'"), ".ps1"),
}
_DEFAULT = (("bash", "-e", "{0}"), ("sh", "-e", "{0}"))
_WINDOWS = frozenset({"cmd", "powershell"})


class ShellRefused(Exception):
    """The step names a shell that cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Shell:
    """`shown` is the command as a log shows it, `{0}` standing for the script."""

    shown: str
    extension: str
    words: tuple[str, ...]

    def argv(self, script: str) -> list[str]:
        return [word.replace("{0}", script) for word in self.words]


def choose_shell(name: str | None, path: str) -> Shell:
    """The shell a step asks for, None if it does not ask; programs are looked up in `path`."""
    if name is None:
        with_bash, without = _DEFAULT
        return _found(with_bash if find_program("bash", path) else without, ".sh", path)
    if name in _WINDOWS:
        raise ShellRefused(f"shell '{name}' exists on Windows only; use bash, sh, python or pwsh")
    if name in _KNOWN:
        words, extension = _KNOWN[name]
        return _found(words, extension, path)
    if "{0}" not in name:
        raise ShellRefused(
            f"shell '{name}' is neither bash, sh, python or pwsh nor a command with {{0}} in it"
        )
    try:
        return _found(shlex.split(name), "", path)
    except ValueError as error:
        raise ShellRefused(f"shell '{name}' cannot be split into words: {error}") from None


def _found(words: Sequence[str], extension: str, path: str) -> Shell:
    program, *arguments = words
    file = find_program(program, path)
    if file is None and program == "python":
        file = find_program("python3", path)
    if file is None:
        raise ShellRefused(f"shell '{program}' is not installed in this machine's image")
    return Shell(" ".join((file, *arguments)), extension, (file, *arguments))
