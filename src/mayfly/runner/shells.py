"""Which program runs a `run` step's script."""

import shlex
from dataclasses import dataclass

from mayfly.runner.launcher import find_program

_KNOWN = {
    "bash": ("bash --noprofile --norc -e -o pipefail {0}", ".sh"),
    "sh": ("sh -e {0}", ".sh"),
    "python": ("python {0}", ".py"),
    "pwsh": ("pwsh -command . '{0}'", ".ps1"),
}
_DEFAULT = "bash -e {0}"
_DEFAULT_WITHOUT_BASH = "sh -e {0}"
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
        command = _DEFAULT if find_program("bash", path) else _DEFAULT_WITHOUT_BASH
        return _found(command, ".sh", path)
    if name in _WINDOWS:
        raise ShellRefused(f"shell '{name}' exists on Windows only; use bash, sh, python or pwsh")
    if name in _KNOWN:
        command, extension = _KNOWN[name]
        return _found(command, extension, path)
    if "{0}" not in name:
        raise ShellRefused(
            f"shell '{name}' is neither bash, sh, python or pwsh nor a command with {{0}} in it"
        )
    return _found(name, "", path)


def _found(command: str, extension: str, path: str) -> Shell:
    try:
        program, *arguments = shlex.split(command) if extension != ".ps1" else _split(command)
    except ValueError as error:
        raise ShellRefused(f"shell '{command}' cannot be split into words: {error}") from None
    file = find_program(program, path)
    if file is None and program == "python":
        file = find_program("python3", path)
    if file is None:
        raise ShellRefused(f"shell '{program}' is not installed in this machine's image")
    return Shell(f"{file} {' '.join(arguments)}", extension, (file, *arguments))


def _split(command: str) -> list[str]:
    """PowerShell takes its script as one argument, quotes and all."""
    program, option, rest = command.split(" ", 2)
    return [program, option, rest]
