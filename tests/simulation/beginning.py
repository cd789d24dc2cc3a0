"""What the store knows when a world begins."""

from collections.abc import Iterable
from random import Random

from tests.simulation.hosts import Host
from tests.simulation.people import ENVIRONMENT, PROJECTS

from mayfly.protocol.wire import hash_key
from mayfly.server.environments import environment_id
from mayfly.store.base import Tx
from mayfly.store.rows import EnvironmentRow, HostRow, ProjectRow


def set_up(tx: Tx, random: Random, hosts: Iterable[Host]) -> None:
    """Projects, of which one has a quota, with an environment each; and hosts."""
    for number, project in enumerate(PROJECTS):
        tx.add(
            ProjectRow(
                id=project,
                quota_jobs=2 if number == 0 else None,
                losses_allowed=random.randint(0, 3),
                rerun_lost=random.random() < 0.5,
            )
        )
        tx.add(
            EnvironmentRow(
                id=environment_id(project, ENVIRONMENT),
                project=project,
                name=ENVIRONMENT,
                reviewers=("ann",) if number else (),
                wait_minutes=random.choice([0, 1]),
            )
        )
    for host in hosts:
        tx.add(HostRow(id=host.name, key_hash=hash_key(host.key)))
