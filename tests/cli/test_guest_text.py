"""What a hostile job prints can colour a line and nothing more."""

import pytest

from mayfly.cli.guest_text import block, shown


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("plain text", "plain text"),
        ("größer ✓ 日本", "größer ✓ 日本"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;cm0gLXJm\x07", ""),
        ("\x1b[2J\x1b[Hgone", "gone"),
        ("\x1bcreset", "reset"),
        ("\x1b]0;never ended", ""),
        ("\x9b2Jc1", "c1"),
        ("\x9d0;title\x9cc1", "c1"),
        ("bell\x07", "bell␇"),
        ("back\x08space", "back␈space"),
        ("tab\tstays", "tab\tstays"),
        ("10%\r20%\r30%", "30%"),
        ("windows\r", "windows"),
        ("a\u202eb\u2066c", "a�b�c"),
        ("\ud800", "�"),
        ("\x1b", ""),
        ("\x1b\x1b[31mx", "x"),
    ],
)
def test_without_colour_only_text_is_left(printed: str, expected: str) -> None:
    assert shown(printed) == expected


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("\x1b[1;31mred", "\x1b[1;31mred\x1b[0m"),
        ("\x1b[38:2::1:2:3mred", "\x1b[38:2::1:2:3mred\x1b[0m"),
        ("\x1b[2Jgone", "gone"),
        ("\x1b[?25lhidden", "hidden"),
        ("\x1b[>4;1mkeys", "keys"),
        ("\x1b[6n", ""),
        ("\x1b[31\x1b[2Jm", "m"),
        ("\x1b[31", ""),
    ],
)
def test_with_colour_only_colours_are_left_and_end_with_the_line(
    printed: str, expected: str
) -> None:
    assert shown(printed, colour=True) == expected


def test_no_sequence_survives_being_taken_apart() -> None:
    nested = "\x1b\x1b[31m[2J" * 3
    assert "\x1b[2J" not in shown(nested, colour=True)
    assert "\x1b" not in shown(nested)


def test_lines_of_a_block_are_kept_apart() -> None:
    assert block("a\x07\nb\x1b[2J") == "a␇\nb"
