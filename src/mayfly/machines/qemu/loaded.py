"""The templates that this process has in memory: looked for anew now and then, given up unused.

A template takes as much of the host's memory as its guest had touched. An agent lives for months,
and a name may come to stand for another image while it does.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from mayfly.domain.errors import MayflyError
from mayfly.machines.base import MachineSpec, Report
from mayfly.machines.qemu.template import Template

_log = logging.getLogger(__name__)

LOOK_S = 300.0
UNUSED_S = 3600.0

Load = Callable[[MachineSpec, Report, str | None], Awaitable[Template | None]]
"""The template of a spec as things are now; None if it is the one whose key was given."""


@dataclass(slots=True)
class _Held:
    """`looked` and `used` are times of the loop; `users` are starts under way."""

    template: Template
    looked: float
    used: float
    users: int = 0
    retired: bool = False

    def close_if_over(self) -> None:
        if self.retired and not self.users:
            self.template.close()


class LoadedTemplates:
    """Calls may be made concurrently; those for one spec share what they wait for."""

    def __init__(self, load: Load):
        self._load = load
        self._held: dict[MachineSpec, _Held] = {}
        self._loading: dict[MachineSpec, asyncio.Lock] = {}

    async def prepare(self, spec: MachineSpec, report: Report) -> None:
        """Have the template of a spec ready for `lent`, for `UNUSED_S` at least."""
        async with self._loading.setdefault(spec, asyncio.Lock()):
            now = asyncio.get_running_loop().time()
            held = self._held.get(spec)
            if held is None or now - held.looked >= LOOK_S:
                held = await self._looked_for(spec, report, held)
            held.used = asyncio.get_running_loop().time()
        self._give_up_unused()

    @contextlib.contextmanager
    def lent(self, spec: MachineSpec) -> Iterator[Template]:
        """The template, which stays open inside the block."""
        held = self._held[spec]
        held.users += 1
        try:
            yield held.template
        finally:
            held.users -= 1
            held.close_if_over()

    def close(self) -> None:
        for spec in list(self._held):
            self._retire(spec)

    async def _looked_for(self, spec: MachineSpec, report: Report, held: _Held | None) -> _Held:
        try:
            template = await self._load(spec, report, held.template.key if held else None)
        except MayflyError as error:
            if held is None:
                raise
            _log.warning("machines are made as before, as looking for news failed: %s", error)
            template = None
        now = asyncio.get_running_loop().time()
        if template is not None:
            self._retire(spec)
            held = self._held[spec] = _Held(template, now, now)
        assert held is not None  # there is no template only where one was known
        held.looked = now
        return held

    def _retire(self, spec: MachineSpec) -> None:
        held = self._held.pop(spec, None)
        if held is not None:
            held.retired = True
            held.close_if_over()

    def _give_up_unused(self) -> None:
        now = asyncio.get_running_loop().time()
        for spec, held in list(self._held.items()):
            if now - held.used > UNUSED_S and not self._loading[spec].locked():
                self._retire(spec)
                del self._loading[spec]
