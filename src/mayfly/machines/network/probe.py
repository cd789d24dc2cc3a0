"""What `mayfly doctor` says about guest networks: it makes one and uses it as a guest would."""

import os

from mayfly.domain.errors import HostCannot
from mayfly.domain.finding import Finding, Severity
from mayfly.machines.network.base import NetworkPolicy
from mayfly.machines.network.choose import choose_network
from mayfly.machines.network.question import name_server_answers


async def probe() -> list[Finding]:
    """One finding: guests reach the internet, or why not and what to do."""
    try:
        network = choose_network()
        prepared = await network.prepare(NetworkPolicy())
    except HostCannot as error:
        text = f"{error.message} ({error.details})" if error.details else error.message
        return [Finding(Severity.FAIL, text, error.remedy)]
    try:
        answered = await name_server_answers(prepared)
    finally:
        await prepared.close()
        await network.reap()
    if answered:
        way = "routed by the host" if os.geteuid() == 0 else "through pasta, without root"
        return [Finding(Severity.OK, f"guests reach the internet ({way}), and not this host")]
    return [
        Finding(
            Severity.FAIL,
            "a guest's question to the host's name server got no answer",
            "check the host's own name resolution and its firewall, or name another name server "
            "with the network's dns option",
        )
    ]
