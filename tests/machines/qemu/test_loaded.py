"""Templates in memory: loaded once, looked for anew, given up, never closed under a start."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import cast

import pytest
from tests.virtual_time import virtual_time

from mayfly.domain.architecture import Architecture
from mayfly.machines.base import MachineFailed, MachineSpec, Report, silent
from mayfly.machines.qemu.loaded import LOOK_S, UNUSED_S, LoadedTemplates
from mayfly.machines.qemu.template import Template

SPEC = MachineSpec("default", Architecture.AMD64, vcpus=1, memory_mib=1024)
OTHER = replace(SPEC, vcpus=2)


@dataclass(eq=False)
class Fake:
    """In the place of a Template."""

    key: str
    closed: bool = False

    def close(self) -> None:
        assert not self.closed
        self.closed = True


@dataclass
class Loader:
    """`key` is what a spec's template is now."""

    key: str = "one"
    trouble: MachineFailed | None = None
    made: list[Fake] = field(default_factory=list)
    looks: int = 0

    async def load(self, _spec: MachineSpec, _report: Report, known: str | None) -> Template | None:
        self.looks += 1
        await asyncio.sleep(1)
        if self.trouble is not None:
            raise self.trouble
        if known == self.key:
            return None
        self.made.append(Fake(self.key))
        return cast("Template", self.made[-1])

    @property
    def open(self) -> int:
        return sum(not fake.closed for fake in self.made)


@virtual_time
async def test_one_loads_and_the_others_share() -> None:
    loader = Loader()
    loaded = LoadedTemplates(loader.load)
    await asyncio.gather(*(loaded.prepare(SPEC, silent) for _ in range(3)))
    await loaded.prepare(SPEC, silent)
    assert loader.looks == 1
    with loaded.lent(SPEC) as template:
        assert template.key == "one"
    loaded.close()
    assert loader.open == 0


@virtual_time
async def test_what_changed_is_noticed_after_a_while_and_the_old_closed() -> None:
    loader = Loader()
    loaded = LoadedTemplates(loader.load)
    await loaded.prepare(SPEC, silent)
    loader.key = "two"
    await loaded.prepare(SPEC, silent)
    with loaded.lent(SPEC) as template:
        assert template.key == "one"
    await asyncio.sleep(LOOK_S)
    await loaded.prepare(SPEC, silent)
    with loaded.lent(SPEC) as template:
        assert template.key == "two"
    assert [fake.closed for fake in loader.made] == [True, False]
    await asyncio.sleep(LOOK_S)
    await loaded.prepare(SPEC, silent)
    assert len(loader.made) == 2
    loaded.close()


@virtual_time
async def test_what_a_start_uses_is_closed_after_it() -> None:
    loader = Loader()
    loaded = LoadedTemplates(loader.load)
    await loaded.prepare(SPEC, silent)
    with loaded.lent(SPEC):
        with loaded.lent(SPEC):
            loader.key = "two"
            await asyncio.sleep(LOOK_S)
            await loaded.prepare(SPEC, silent)
            loaded.close()
        assert [fake.closed for fake in loader.made] == [False, True]
    assert loader.open == 0


@virtual_time
async def test_trouble_with_looking_does_not_stop_a_host_that_has_a_template() -> None:
    loader = Loader(trouble=MachineFailed("the server is away"))
    loaded = LoadedTemplates(loader.load)
    with pytest.raises(MachineFailed, match="away"):
        await loaded.prepare(SPEC, silent)
    loader.trouble = None
    await loaded.prepare(SPEC, silent)
    loader.trouble = MachineFailed("the server is away")
    await asyncio.sleep(LOOK_S)
    looks = loader.looks
    for _ in range(2):
        await loaded.prepare(SPEC, silent)
    assert loader.looks == looks + 1
    with loaded.lent(SPEC) as template:
        assert template.key == "one"
    loaded.close()


@virtual_time
async def test_what_nobody_uses_is_given_up() -> None:
    loader = Loader()
    loaded = LoadedTemplates(loader.load)
    await loaded.prepare(SPEC, silent)
    await loaded.prepare(OTHER, silent)
    for _ in range(3):
        await asyncio.sleep(UNUSED_S / 2)
        await loaded.prepare(OTHER, silent)
    assert [fake.closed for fake in loader.made] == [True, False]
    await loaded.prepare(SPEC, silent)
    assert loader.open == 2
    loaded.close()
    assert loader.open == 0
