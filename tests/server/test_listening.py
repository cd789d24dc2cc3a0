"""An application on an address: what is said where it cannot be had."""

import pytest
from fastapi import FastAPI

from mayfly.domain.errors import HostCannot
from mayfly.server.listening import listening


async def test_a_taken_port_is_named_once() -> None:
    async with listening(FastAPI(), "127.0.0.1", 0) as port:
        with pytest.raises(HostCannot) as caught:
            async with listening(FastAPI(), "127.0.0.1", port):
                pass
    assert caught.value.message == f"cannot listen on 127.0.0.1:{port}: Address already in use"
    assert "--listen" in (caught.value.remedy or "")


async def test_a_name_that_nobody_knows_is_said_so() -> None:
    with pytest.raises(HostCannot, match=r"cannot listen on nobody\.invalid:1: \w+"):
        async with listening(FastAPI(), "nobody.invalid", 1):
            pass
