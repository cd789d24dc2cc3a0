from dataclasses import astuple

import pytest

from mayfly.machines.network.addressing import INDEX_COUNT, addresses, random_mac
from mayfly.machines.network.base import GUESTS


def test_no_two_indices_share_an_address() -> None:
    ends = [end for index in range(INDEX_COUNT) for end in astuple(addresses(index))]
    assert len(set(ends)) == 4 * INDEX_COUNT
    assert all(end in GUESTS for end in ends)


@pytest.mark.parametrize("index", [-1, INDEX_COUNT])
def test_an_index_outside_the_range_is_refused(index: int) -> None:
    with pytest.raises(ValueError, match="index"):
        addresses(index)


def test_macs_are_local_unicast_and_differ() -> None:
    macs = {random_mac() for _ in range(100)}
    assert len(macs) == 100
    assert all(int(mac[:2], 16) & 0b11 == 0b10 for mac in macs)
