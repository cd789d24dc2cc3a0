"""Pipes of dummy machines: in order, bounded, and ended by either side."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.virtual_time import run_virtual, virtual_time

from mayfly.machines.dummy.pipe import CAPACITY, Closed, Pipe, Port
from mayfly.system.tasks import stop


@given(pieces=st.lists(st.binary(max_size=3 * CAPACITY), max_size=5))
def test_what_goes_in_comes_out(pieces: list[bytes]) -> None:
    async def work() -> bytes:
        pipe = Pipe()

        async def write() -> None:
            for piece in pieces:
                await pipe.write(piece)
            pipe.close()

        writing = asyncio.create_task(write())
        heard = bytearray()
        while data := await pipe.read():
            assert len(data) <= CAPACITY
            heard += data
        await writing
        return bytes(heard)

    assert run_virtual(work) == b"".join(pieces)


@virtual_time
async def test_a_writer_waits_while_nobody_reads() -> None:
    pipe = Pipe()
    writing = asyncio.create_task(pipe.write(bytes(CAPACITY + 1)))
    await asyncio.sleep(1)
    assert not writing.done()
    assert len(await pipe.read()) == CAPACITY
    await writing


@virtual_time
async def test_closing_wakes_reader_and_writer() -> None:
    empty, full = Pipe(), Pipe()
    reading = asyncio.create_task(empty.read())
    writing = asyncio.create_task(full.write(bytes(2 * CAPACITY)))
    await asyncio.sleep(1)
    empty.close()
    full.close()
    assert await reading == b""
    with pytest.raises(Closed):
        await writing


@virtual_time
async def test_what_was_written_can_be_read_after_the_end() -> None:
    port = Port()
    await port.other.write(b"last words")
    await port.close()
    assert await port.read() == b"last words"
    assert await port.read() == b""


@virtual_time
async def test_a_reader_that_gives_up_loses_nothing() -> None:
    pipe = Pipe()
    reading = asyncio.create_task(pipe.read())
    await asyncio.sleep(1)
    await stop(reading)
    await pipe.write(b"x")
    assert await pipe.read() == b"x"
