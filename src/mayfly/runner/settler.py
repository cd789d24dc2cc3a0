"""The child that makes a clone ready for its job while the runner prepares the first step."""

import os
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path

from mayfly.protocol.messages import Identity
from mayfly.runner.forked import close_all_but, read_request, write_request

_DONE = b"done"

Settle = Callable[[Identity, Path], None]
"""Gives the machine its identity, and makes the workspace's directory."""


class SettlingFailed(Exception):
    """The machine could not become what the host said; no job may run on it."""


class Settler:
    """`begin` at once after Assign, `finish` before anything of the job runs."""

    def __init__(self, settle: Settle, *needed: int):
        """`settle` runs in the child, which keeps the `needed` descriptors open."""
        request, self._request = os.pipe2(os.O_CLOEXEC)
        self._reply, reply = os.pipe2(os.O_CLOEXEC)
        self._pid = os.fork()
        if self._pid == 0:
            close_all_but(request, reply, *needed)
            _wait_and_settle(request, reply, settle)
        os.close(request)
        os.close(reply)

    def begin(self, identity: Identity, workspace: Path) -> None:
        write_request(self._request, (*astuple(identity), str(workspace)))

    def finish(self) -> None:
        """Wait for the end; SettlingFailed says what went wrong."""
        reply = os.read(self._reply, 4096)
        self.close()
        if reply != _DONE:
            raise SettlingFailed(reply.decode("utf-8", "replace") or "the child died")

    def close(self) -> None:
        os.close(self._request)
        os.close(self._reply)
        os.waitpid(self._pid, 0)


def _wait_and_settle(request: int, reply: int, settle: Settle) -> None:
    """The child's side; never returns."""
    try:
        fields = read_request(request)
        if fields is not None:
            *identity, workspace = fields
            settle(Identity(*identity), Path(workspace))
            os.write(reply, _DONE)
    except (OSError, ValueError) as error:
        os.write(reply, str(error).encode())
    finally:
        os._exit(0)
