from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from mayfly.domain.errors import HostCannot
from mayfly.machines.network.host import find_resolver, local_networks
from mayfly.machines.network.rtnetlink import Route


def route(destination: str, *, own: bool = False, direct: bool = False) -> Route:
    return Route(IPv4Network(destination), own=own, direct=direct)


def test_own_addresses_and_connected_networks_are_local() -> None:
    routes = [
        route("0.0.0.0/0"),
        route("192.0.2.0/24", direct=True),
        route("192.0.2.2/32", own=True),
        route("198.51.100.0/24"),
    ]
    assert local_networks(routes) == (IPv4Network("192.0.2.0/24"), IPv4Network("192.0.2.2/32"))


def test_a_vpn_in_place_of_the_default_route_is_no_lan() -> None:
    routes = [route(text, direct=True) for text in ("0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1")]
    assert local_networks(routes) == ()


def resolv_conf(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text)
    return file


def test_the_first_name_server_that_guests_can_reach_is_taken(tmp_path: Path) -> None:
    stub = resolv_conf(tmp_path, "stub", "# systemd\nnameserver 127.0.0.53\noptions edns0\n")
    real = resolv_conf(
        tmp_path, "real", "search example.org\nnameserver fe80::1\nnameserver 10.0.0.53\n"
    )
    assert find_resolver((stub, real)) == IPv4Address("10.0.0.53")


def test_without_such_a_name_server_the_remedy_is_named(tmp_path: Path) -> None:
    stub = resolv_conf(tmp_path, "stub", "nameserver 127.0.0.53\nnameserver nonsense\n")
    with pytest.raises(HostCannot) as caught:
        find_resolver((stub, tmp_path / "missing"))
    assert "dns option" in (caught.value.remedy or "")
