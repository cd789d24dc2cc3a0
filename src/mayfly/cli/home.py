"""The folder of all commands that keep something: found, made, and known to be ours to write."""

import os

from mayfly.domain.errors import HostCannot
from mayfly.system.home import Home


def writable_home() -> Home:
    """`MAYFLY_HOME`; HostCannot if it cannot be made or written to."""
    home = Home.default()
    try:
        home.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        reason = None if os.access(home.root, os.W_OK | os.X_OK) else "permission denied"
    except OSError as error:
        reason = error.strerror
    if reason:
        raise HostCannot(
            f"cannot write to {home.root}: {reason}",
            remedy="set MAYFLY_HOME to a folder of your own, with some space",
        )
    return home
