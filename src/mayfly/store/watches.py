"""Who waits for which topic in this process; of one event loop."""

import asyncio
from collections.abc import Iterable


class _Watch:
    """See `store.base.Watch`."""

    def __init__(self, watches: "Watches", topics: Iterable[str]):
        self._watches = watches
        self.topics = tuple(topics)
        self._announced: set[str] = set()
        self._news = asyncio.Event()

    def tell(self, topic: str) -> None:
        self._announced.add(topic)
        self._news.set()

    async def wait(self) -> frozenset[str]:
        await self._news.wait()
        self._news.clear()
        announced, self._announced = frozenset(self._announced), set()
        return announced

    def close(self) -> None:
        self._watches.forget(self)


class Watches:
    """Wakes watches, in the order they came; a store calls `announce` after each commit."""

    def __init__(self) -> None:
        self._of_topic: dict[str, dict[_Watch, None]] = {}

    def watch(self, topics: Iterable[str]) -> _Watch:
        made = _Watch(self, topics)
        for topic in made.topics:
            self._of_topic.setdefault(topic, {})[made] = None
        return made

    def forget(self, watch: _Watch) -> None:
        for topic in watch.topics:
            watches = self._of_topic.get(topic, {})
            watches.pop(watch, None)
            if not watches:
                self._of_topic.pop(topic, None)

    def announce(self, topics: Iterable[str]) -> None:
        for topic in topics:
            for watch in self._of_topic.get(topic, ()):
                watch.tell(topic)

    def announce_all(self) -> None:
        """After news may have been missed."""
        self.announce(list(self._of_topic))
