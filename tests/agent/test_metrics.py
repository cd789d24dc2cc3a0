"""What Prometheus reads from an agent, over a real socket."""

import socket
import urllib.request
from decimal import Decimal

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from mayfly.agent.metrics import Now, served
from mayfly.agent.pool import Pool
from mayfly.domain.errors import HostCannot, InvalidInput
from mayfly.domain.placement import Capacity
from mayfly.machines.dummy.driver import DummyDriver
from mayfly.system.threads import in_thread


class Agent:
    """As much of `serve.Serving` as is read."""

    jobs = 3
    waiting_bytes = 4096
    in_session = True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def read(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}/metrics") as answer:
        text: str = answer.read().decode()
        return text


async def test_an_agent_is_read_over_http() -> None:
    registry = CollectorRegistry()
    pool = Pool(DummyDriver(), lambda: Capacity(Decimal(0), 0, frozenset()))
    pool.hits = 7
    registry.register(Now(Agent(), pool))  # type: ignore[arg-type]
    address = f"127.0.0.1:{free_port()}"
    async with served(registry, address):
        text = await in_thread(read, address)
        with pytest.raises(HostCannot, match="cannot listen"):
            async with served(registry, address):
                pass
    found = {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found == {
        "mayfly_agent_jobs": 3,
        "mayfly_agent_session": 1,
        "mayfly_agent_outbox_bytes": 4096,
        "mayfly_agent_pool_machines": 0,
        "mayfly_agent_pool_hits_total": 7,
        "mayfly_agent_pool_misses_total": 0,
    }
    with pytest.raises(OSError, match="refused"):
        await in_thread(read, address)


@pytest.mark.parametrize("address", ["9101", "host:", "host:x", "host:70000"])
async def test_addresses_have_a_port(address: str) -> None:
    with pytest.raises(InvalidInput):
        async with served(CollectorRegistry(), address):
            pass
