"""Environment and output files."""

import pytest

from mayfly.runner.envfiles import FileCommandInvalid, parse_pairs, parse_paths


@pytest.mark.parametrize(
    ("data", "pairs"),
    [
        (b"", []),
        (b"a=b", [("a", "b")]),
        (b"a=\nb==c\n", [("a", ""), ("b", "=c")]),
        (b"\n\na=b\r\n", [("a", "b")]),
        (b"a<<E\nE\n", [("a", "")]),
        (b"a<<E\nx\ny\nE\nb=1", [("a", "x\ny"), ("b", "1")]),
        (b"a<<E\r\nx\r\ny\r\nE\r\n", [("a", "x\r\ny")]),
        (b"a<<E\n\nE\n", [("a", "")]),
        (b"a=b<<c\n", [("a", "b<<c")]),
        (b"a<<b=c\nx\nb=c\n", [("a", "x")]),
        (b"\xef\xbb\xbfa=\xff", [("a", "\udcff")]),
    ],
)
def test_pairs(data: bytes, pairs: list[tuple[str, str]]) -> None:
    assert list(parse_pairs(data)) == pairs


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"word\n", "Invalid format 'word'"),
        (b"=x\n", "Invalid format '=x'. Name must not be empty"),
        (b"<<E\nE\n", "Invalid format '<<E'. Name must not be empty"),
        (b"a<<\nE\n", "Invalid format 'a<<'. Delimiter must not be empty"),
        (b"a<<E\nx\n", "Invalid value. Matching delimiter not found 'E'"),
        (b"a<<E\n E\n", "Invalid value. Matching delimiter not found 'E'"),
    ],
)
def test_mistakes(data: bytes, message: str) -> None:
    with pytest.raises(FileCommandInvalid) as raised:
        list(parse_pairs(data))
    assert str(raised.value) == message


def test_paths() -> None:
    assert list(parse_paths(b"/a\n\n/b c\n")) == ["/a", "/b c"]
