"""Children forked ahead of time: each waits on a pipe for the one request it is good for.

Forking is done before the machine's snapshot, so that after it only the request remains.
"""

import marshal
import os
import struct
from typing import Any

_LENGTH = struct.Struct(">Q")


def write_request(descriptor: int, request: Any) -> None:
    """Send a request of plain types, whatever its size."""
    body = marshal.dumps(request)
    view = memoryview(_LENGTH.pack(len(body)) + body)
    while view:
        view = view[os.write(descriptor, view) :]


def read_request(descriptor: int) -> Any:
    """The request, or None if there is none: the other side closed the pipe."""
    # The length comes first: the end of the pipe may be held open by a child forked later.
    header = os.read(descriptor, _LENGTH.size)
    if not header:
        return None
    left = _LENGTH.unpack(header)[0]
    pieces = []
    while left > 0:
        pieces.append(os.read(descriptor, left))
        left -= len(pieces[-1])
    return marshal.loads(b"".join(pieces))  # noqa: S302 (our own parent wrote it)


def close_all_but(*kept: int) -> None:
    """While it waits a child must not hold open what the runner closes."""
    first = 3
    for descriptor in sorted(kept):
        os.closerange(first, descriptor)
        first = descriptor + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))
