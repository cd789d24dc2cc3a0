"""A clone's identity: what is sent to the kernel, tried in a network namespace of its own."""

import os
import socket
import subprocess
import sys
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

import pytest

from mayfly.protocol.messages import Identity
from mayfly.runner import identity, netlink
from mayfly.runner.settler import Settler, SettlingFailed

CLONE = Identity(
    hostname="clone-1",
    machine_id="0123456789abcdef0123456789abcdef",
    entropy="",
    time_ns=0,
    mac="52:54:00:12:34:56",
    address="10.1.2.3/24",
    gateway="10.1.2.1",
    mtu=1400,
)

IN_NAMESPACE = """
import socket, subprocess
from mayfly.runner import identity, netlink
from tests.runner.test_identity import CLONE
subprocess.run("ip link add eth0 type bridge", shell=True, check=True)
index = identity.only_interface()
assert index == socket.if_nametoindex("eth0")
netlink.perform(identity.network_requests(CLONE, CLONE.address, index))
netlink.perform(identity.network_requests(CLONE, CLONE.address, index))  # and again
print(subprocess.run("ip -o addr show eth0; ip -o link show eth0; ip route", shell=True,
                     check=True, capture_output=True, text=True).stdout)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="a network namespace takes root")
def test_the_network_is_set_up() -> None:
    done = subprocess.run(
        ("unshare", "--net", sys.executable, "-c", IN_NAMESPACE),
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    for expected in (
        "inet 10.1.2.3/24 brd 10.1.2.255 scope global eth0",
        "mtu 1400",
        "link/ether 52:54:00:12:34:56",
        "MULTICAST,UP>",
        "default via 10.1.2.1 dev eth0",
    ):
        assert expected in done.stdout, done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="changing links takes root")
def test_a_refusal_names_the_request() -> None:
    with pytest.raises(OSError, match="netlink refused the link"):
        netlink.perform([netlink.link_up(2**31 - 1)])


def test_bytes_of_requests() -> None:
    link = netlink.link_up(7, "02:00:00:00:00:01", 1400)
    assert link.body.hex() == (
        "00000000"
        "07000000"
        "01000000"
        "01000000"  # ifinfomsg: index 7, IFF_UP
        "0a000100"
        "02000000"
        "00010000"  # address, padded to four bytes
        "08000400"
        "78050000"  # MTU 1400
    )
    address = netlink.add_address(7, IPv4Interface("10.0.0.2/30"))
    assert address.body.hex() == (
        "021e000007000000080002000a000002080001000a000002080004000a000003"
    )
    route = netlink.default_route(7, IPv4Address("10.0.0.1"))
    assert route.body.hex() == ("02000000fe03000100000000080005000a0000010800040007000000")


def test_files_are_rewritten_whole(tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text("long" * 100)
    descriptor = os.open(file, os.O_WRONLY)
    identity.rewrite(descriptor, identity.hosts_of("clone-1"))
    os.close(descriptor)
    assert file.read_text().splitlines()[1] == "127.0.1.1 clone-1"
    assert socket.gethostname() != "clone-1"


def test_uuids_look_like_the_kernels() -> None:
    parts = identity.random_uuid().split("-")
    assert [len(part) for part in parts] == [8, 4, 4, 4, 12]


def test_the_settler_gets_everything_and_reports(tmp_path: Path) -> None:
    def settle(clone: Identity, workspace: Path) -> None:
        workspace.write_text(repr(clone))

    settler = Settler(settle)
    settler.begin(CLONE, tmp_path / "w")
    settler.finish()
    assert (tmp_path / "w").read_text() == repr(CLONE)


def test_what_the_system_refuses_is_said() -> None:
    def settle(_clone: Identity, workspace: Path) -> None:
        workspace.mkdir()

    settler = Settler(settle)
    settler.begin(CLONE, Path("/nowhere/at/all"))
    with pytest.raises(SettlingFailed, match="/nowhere/at/all"):
        settler.finish()


def test_an_unused_settler_ends() -> None:
    Settler(lambda _clone, _workspace: None).close()
