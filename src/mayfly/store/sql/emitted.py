"""What the works of one transaction emitted and announced, written at its end.

At the end, and runs in order, because a journal's numbers stay locked from the moment they are
taken until the transaction ends: so nobody holds them for long, and no two transactions wait for
each other's.
"""

from dataclasses import dataclass, field

from mayfly.store.sql.driver import Link
from mayfly.store.sql.journals import Emission, Journals


@dataclass(slots=True)
class Emitted:
    journals: Journals
    link: Link
    events: list[Emission] = field(default_factory=list)
    topics: dict[str, None] = field(default_factory=dict)

    def write(self) -> None:
        """Now, as somebody wants to read it or the transaction ends."""
        if self.events:
            self.journals.append(self.link, self.events)
            self.events = []

    def moment(self) -> "Moment":
        return Moment(list(self.events), dict(self.topics))

    def back(self, moment: "Moment") -> None:
        """When the link goes back to the same moment."""
        self.events = list(moment.events)
        self.topics = dict(moment.topics)


@dataclass(frozen=True, slots=True)
class Moment:
    events: list[Emission]
    topics: dict[str, None]
