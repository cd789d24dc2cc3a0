"""A machine rehearses its job before there is one, and then waits as a fresh one does.

It becomes the machine it is to be (so no two have the same random numbers in it, nor the template's
clock) and runs a small job of the runner's own. What that leaves is warm: translated code of an
emulator, memory of its own, files in its cache.
"""

import asyncio

from mayfly.machines.base import Machine, MachineFailed
from mayfly.protocol.frames import FrameDecoder, ProtocolViolation
from mayfly.protocol.messages import Rehearse, Rehearsed, decode_from_runner, encode_message


async def rehearse(machine: Machine, patience_s: float) -> None:
    """Have a machine that waits for its job rehearse. Raises MachineFailed; destroy it then."""
    try:
        async with asyncio.timeout(patience_s):
            await machine.write(encode_message(Rehearse(machine.identity)))
            await _answer(machine)
    except TimeoutError:
        raise MachineFailed(f"the rehearsal took longer than {patience_s:g} s") from None
    except ProtocolViolation as error:
        raise MachineFailed(f"the rehearsal went wrong: {error}") from error


async def _answer(machine: Machine) -> None:
    decoder = FrameDecoder()
    while data := await machine.read():
        messages = [decode_from_runner(frame) for frame in decoder.feed(data)]
        if messages == [Rehearsed()] and not decoder.mid_frame:
            return
        if messages:
            raise ProtocolViolation("the runner said more than Rehearsed")
    death = await machine.death()
    raise MachineFailed("the machine ended while it rehearsed", details=death.last_words)
