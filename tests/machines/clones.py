"""What must differ from one machine to the next, read from inside."""

from collections.abc import Sequence

from tests.machines.talking import run_scripts

from mayfly.machines.base import Machine

# Each line is a name, a tab and a value that must differ from one clone to the next.
SCRIPT = r"""
say() { printf '%s\t%s\n' "$1" "$2"; }
say machine-id "$(cat /etc/machine-id)"
say hostname "$(hostname)"
say resolved-hostname "$(getent hosts "$(hostname)" | tr -s ' ')"
say urandom "$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')"
say uuid "$(cat /proc/sys/kernel/random/uuid)"
say python "$(python3 -c 'import secrets; print(secrets.token_hex())')"
say mac "$(cat /sys/class/net/eth0/address)"
say address "$(ip -4 -o addr show dev eth0 | awk '{print $4}')"
say time "$(date +%s.%N)"
say boot "$(($(date +%s) - $(cut -d. -f1 /proc/uptime)))"
say write "$(test -e ~/mark && echo there || echo absent)"
say etc "$(test -e /etc/mark && echo there || echo absent)"
hostname > ~/mark; hostname | sudo tee /etc/mark > /dev/null; sync
say read "$(cat ~/mark)"
"""


async def what_differs(machine: Machine) -> dict[str, str]:
    """Runs a job on the machine that tells, and leaves marks that no other may see."""
    printed = await run_scripts(machine, SCRIPT)
    pairs = [line.split("\t") for line in printed.splitlines() if "\t" in line]
    return {pair[0]: pair[1] for pair in pairs}


def assert_apart(
    clones: Sequence[tuple[Machine, dict[str, str]]], begun: float, ended: float
) -> None:
    """Each is what its identity says and no two are alike; their jobs ran between these times."""
    own = ("machine-id", "hostname", "resolved-hostname", "urandom", "uuid", "python", "mac")
    for what in (*own, "address", "time"):
        assert len({values[what] for _, values in clones}) == len(clones), what
    for machine, values in clones:
        identity = machine.identity
        assert values["machine-id"] == identity.machine_id
        assert values["hostname"] == identity.hostname == machine.id
        assert values["mac"] == identity.mac
        assert values["address"] == identity.address
        assert begun - 1 <= float(values["time"]) <= ended + 1
        assert values["write"] == values["etc"] == "absent"
        assert values["read"] == machine.id
