import io
import stat

import pytest
from tests.machines.images.archives import read

from mayfly.machines.images.cpio import Entry, Writer, directory, regular, symlink


def archive(*entries: Entry) -> bytes:
    stream = io.BytesIO()
    writer = Writer(stream)
    for entry in entries:
        writer.add(entry)
    writer.close()
    return stream.getvalue()


def test_entries_read_back() -> None:
    data = archive(
        directory("bin"), regular("bin/tool", b"content", 0o755), symlink("bin/sh", "tool")
    )
    assert read(data) == [
        ("bin", stat.S_IFDIR | 0o755, b""),
        ("bin/tool", stat.S_IFREG | 0o755, b"content"),
        ("bin/sh", stat.S_IFLNK | 0o777, b"tool"),
    ]


@pytest.mark.parametrize("size", range(9))
def test_every_content_length_keeps_the_next_member_aligned(size: int) -> None:
    data = archive(regular("a" * (size + 1), b"x" * size), regular("last", b"y"))
    assert read(data)[1] == ("last", stat.S_IFREG | 0o644, b"y")


def test_the_same_entries_give_the_same_bytes() -> None:
    entries = [directory("a"), regular("a/b", b"c")]
    assert archive(*entries) == archive(*entries)


def test_archives_end_on_a_block_so_that_they_can_be_concatenated() -> None:
    assert len(archive(regular("odd", b"123"))) % 512 == 0


@pytest.mark.parametrize("name", ["", "/etc", "a//b", "a/../b", "./a", "a/", "a\0b"])
def test_refuses_names_that_are_no_plain_relative_path(name: str) -> None:
    with pytest.raises(ValueError, match="not a relative path"):
        archive(regular(name, b""))
