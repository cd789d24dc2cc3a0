"""Sparse files are copied and hashed by what they hold."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mayfly.machines.qemu import sparse

MIB = 1024 * 1024


@pytest.fixture
def files(tmp_path: Path) -> Iterator[tuple[int, int]]:
    flags = os.O_RDWR | os.O_CREAT
    pair = os.open(tmp_path / "a", flags), os.open(tmp_path / "b", flags)
    yield pair
    for descriptor in pair:
        os.close(descriptor)


def test_a_copy_holds_the_same_and_its_holes_cost_nothing(files: tuple[int, int]) -> None:
    source, target = files
    os.ftruncate(source, 500 * MIB + 7)
    os.pwrite(source, b"begin", 0)
    os.pwrite(source, b"middle", 300 * MIB - 3)
    os.pwrite(source, bytes(2 * MIB), 400 * MIB)  # zeros that are written are a hole in the copy
    os.pwrite(source, b"end", 500 * MIB + 4)
    digest = sparse.copy(source, target)
    assert os.fstat(target).st_size == 500 * MIB + 7
    assert os.pread(target, 6, 300 * MIB - 3) == b"middle"
    assert os.pread(target, 5, 0) == b"begin"
    assert os.pread(target, 10, 500 * MIB + 4) == b"end"
    assert os.fstat(target).st_blocks * 512 < 8 * MIB
    assert digest == sparse.digest(source) == sparse.digest(target)


def test_an_empty_file(files: tuple[int, int]) -> None:
    source, target = files
    assert sparse.copy(source, target) == sparse.digest(target)


@given(
    writes=st.lists(st.tuples(st.integers(0, 3 * MIB), st.binary(min_size=1, max_size=64))),
    other=st.tuples(st.integers(0, 3 * MIB), st.binary(min_size=1, max_size=64)),
)
def test_the_digest_tells_files_apart(
    writes: list[tuple[int, bytes]], other: tuple[int, bytes]
) -> None:
    descriptors = [os.memfd_create("a"), os.memfd_create("b")]
    for descriptor in descriptors:
        os.ftruncate(descriptor, 4 * MIB)
        for offset, data in writes:
            os.pwrite(descriptor, data, offset)
    one, two = descriptors
    same = os.pread(two, len(other[1]), other[0]) == other[1]
    os.pwrite(two, other[1], other[0])
    assert (sparse.digest(one) == sparse.digest(two)) is same
    for descriptor in descriptors:
        os.close(descriptor)


def test_the_size_counts(files: tuple[int, int]) -> None:
    one, two = files
    os.ftruncate(one, MIB)
    os.ftruncate(two, 2 * MIB)
    assert sparse.digest(one) != sparse.digest(two)
