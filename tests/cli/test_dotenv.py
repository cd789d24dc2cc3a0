"""Files of secrets: what is read, and errors that never show a value."""

import pytest

from mayfly.cli.dotenv import parse_dotenv
from mayfly.domain.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("# only a comment\n\n  \n", {}),
        ("A=1\nB=two words\n", {"A": "1", "B": "two words"}),
        ("A=1", {"A": "1"}),
        ("  export A = 1  \n", {"A": "1"}),
        ("A=\nB=2\n", {"A": "", "B": "2"}),
        ("A=x # comment\nB=a#b\n", {"A": "x", "B": "a#b"}),
        ("A='single # $HOME \\n'\n", {"A": "single # $HOME \\n"}),
        ('A="a\\nb\\"c\\\\d" # comment\n', {"A": 'a\nb"c\\d'}),
        (
            "KEY='-----BEGIN\nline\n-----END'\nB=1\n",
            {"KEY": "-----BEGIN\nline\n-----END", "B": "1"},
        ),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("\ufeffA=1\n", {"A": "1"}),
        ("A=1\nA=2\n", {"A": "2"}),
        ("A==b=c\n", {"A": "=b=c"}),
        ("A=it's\n", {"A": "it's"}),
    ],
)
def test_values(text: str, expected: dict[str, str]) -> None:
    assert parse_dotenv(text, "f") == expected


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("A=1\nhunter2\n", "f:2:"),
        ("1A=hunter2\n", "f:1:"),
        ("A='hunter2\n", "f:1:"),
        ('A=1\n\nB="hunter2\n', "f:3:"),
        ("A='x' hunter2\n", "f:1:"),
        ("=hunter2\n", "f:1:"),
    ],
)
def test_errors_name_the_line_and_no_value(text: str, place: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_dotenv(text, "f")
    assert caught.value.message.startswith(place)
    assert "hunter2" not in str(caught.value)
