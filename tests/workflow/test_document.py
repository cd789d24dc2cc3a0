import math
from typing import Any

import pytest
import yaml

from mayfly.domain.errors import WorkflowInvalid
from mayfly.workflow import document
from mayfly.workflow.document import MAX_BYTES, MAX_DEPTH, MAX_NODES, read_document
from mayfly.workflow.nodes import Mapping, Scalar, plain


def read(text: str) -> Any:
    found = read_document(text.encode(), "f.yml")
    assert not found.problems
    return plain(found.root)


def refusal(text: str | bytes) -> str:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(WorkflowInvalid) as caught:
        read_document(data, "f.yml")
    assert len(caught.value.problems) == 1
    return str(caught.value.problems[0])


def complaints(text: str) -> list[str]:
    return [str(problem) for problem in read_document(text.encode(), "f.yml").problems]


@pytest.fixture(params=["CLoader", "Loader"], autouse=True)
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything here holds with libyaml and without."""
    monkeypatch.setattr(document, "_LOADER", getattr(yaml, request.param))


@pytest.mark.parametrize(
    ("text", "value", "shown"),
    [
        ("on", "on", "on"),
        ("yes", "yes", "yes"),
        ("True", True, "true"),
        ("FALSE", False, "false"),
        ("tRUE", "tRUE", "tRUE"),
        ("~", None, ""),
        ("null", None, ""),
        ("'null'", "null", "null"),
        ("30", 30, "30"),
        ("'30'", "30", "30"),
        ("+7", 7, "7"),
        ("-0", 0, "0"),
        ("3.10", 3.1, "3.1"),
        ("1e3", 1000.0, "1000"),
        (".5", 0.5, "0.5"),
        ("0o17", 15, "15"),
        ("017", 17, "17"),
        ("0xff", 255, "255"),
        ("-0xff", "-0xff", "-0xff"),
        ("1_000", "1_000", "1_000"),
        ("12:30", "12:30", "12:30"),
        ("2024-01-01", "2024-01-01", "2024-01-01"),
        (".inf", math.inf, "Infinity"),
        ("-.INF", -math.inf, "-Infinity"),
        ("1.2.3", "1.2.3", "1.2.3"),
    ],
)
def test_plain_scalars_are_typed_by_the_core_schema(text: str, value: object, shown: str) -> None:
    root = read_document(f"a: {text}".encode(), "f.yml").root
    assert isinstance(root, Mapping)
    node = root.get("a")
    assert isinstance(node, Scalar)
    assert node.value == value
    assert type(node.value) is type(value)
    assert node.text == shown


def test_numbers_too_long_for_an_integer_do_no_harm() -> None:
    assert read("9" * 5000) == math.inf
    assert read("0x" + "f" * 5000) == float(2**1023)


def test_keys_are_text() -> None:
    assert read("on: 1\n3.10: 2\ntrue: 3\n") == {"on": 1, "3.1": 2, "true": 3}


def test_an_alias_stands_for_what_its_anchor_marks() -> None:
    assert read("a: &x [1, {b: 2}]\nc: *x\nd: &y word\n*y : 3") == {
        "a": [1, {"b": 2}],
        "c": [1, {"b": 2}],
        "d": "word",
        "word": 3,
    }


def test_places_count_from_one_in_characters() -> None:
    found = read_document("\ufeffa: é\nb:\r\n  - c\n".encode(), "f.yml")
    assert isinstance(found.root, Mapping)
    entry = found.root.entries["b"]
    assert str(found.source.location(entry.key.start)) == "f.yml:2:1"
    assert str(found.source.location(entry.value.start)) == "f.yml:3:3"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: x ${{ here", (1, 10)),
        ("a: 'it''s ${{ here'", (1, 15)),
        ('a: "tab\\t ${{ here"', (1, 15)),
        ("a: | # ${{ here\n    one ${{ x }}\n      two ${{ here", (3, 15)),
        ("a: >-\n  one ${{ x }}\n  two\n\n  ${{\n  here", (6, 3)),
        ("a: one\n  two ${{ here", (2, 11)),
        ("a: &b\n  ${{ here", (2, 7)),
    ],
)
def test_the_place_inside_a_text_is_found_in_every_style(text: str, place: tuple[int, int]) -> None:
    found = read_document(text.encode(), "f.yml")
    assert isinstance(found.root, Mapping)
    node = found.root.get("a")
    assert isinstance(node, Scalar)
    at = found.source.location(found.source.offset_in(node, node.text.index("here")))
    assert (at.line, at.column) == place


def test_the_place_of_the_opening_and_of_the_end() -> None:
    found = read_document(b"a: ${{ b }}'${{ c", "f.yml")
    assert isinstance(found.root, Mapping)
    node = found.root.get("a")
    assert isinstance(node, Scalar)
    offsets = [found.source.offset_in(node, at) for at in range(len(node.text) + 1)]
    assert offsets == list(range(3, 3 + len(node.text) + 1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f.yml:1:1: the file is empty"),
        ("# nothing\n", "f.yml:1:1: the file is empty"),
        (b"a: caf\xe9", "f.yml:1:7: not UTF-8 text: byte 0xe9"),
        (b"\xff\xfea", "f.yml:1:1: not UTF-8 text: byte 0xff"),
        (b"a: 1\nb\0", "f.yml:2:2: a NUL character, which YAML does not allow"),
        ("a: \x07", "f.yml:1:4: not valid YAML: "),
        ("a:\n\tb: c", "f.yml:2:1: not valid YAML: a tab where YAML allows only spaces"),
        ("a: [b\nc: d", "f.yml:2:"),
        ("a: *b", "f.yml:1:4: alias '*b' has no anchor '&b' before it"),
        ("a: &b [*b]", "f.yml:1:8: alias '*b' stands inside of what it repeats"),
        ("a: 1\n---\nb: 2", "f.yml:2:1: a second document"),
        ("[a]: b", "f.yml:1:1: a list or mapping as key"),
        (b"a" * (MAX_BYTES + 1), "f.yml:1:1: the file is too large: 1048577 bytes"),
        (b"a: b\n" * 2_000_000, "f.yml:1:1: the file is too large: 10000000 bytes"),
        ("[" * 10_000, f"f.yml:1:101: nested too deep (expected at most {MAX_DEPTH} levels)"),
        ("{a: " * 10_000, "f.yml:1:401: nested too deep"),
        ("- " * 10_000, "f.yml:1:201: nested too deep"),
        ("".join(" " * at + "a:\n" for at in range(200)), "f.yml:101:101: nested too deep"),
    ],
)
def test_a_file_that_cannot_be_read_has_one_error(text: str | bytes, message: str) -> None:
    assert refusal(text).startswith(message)


def test_depth_counts_through_aliases() -> None:
    half = MAX_DEPTH // 2 + 1
    text = f"a: &a {'[' * half}{']' * half}\nb: {'[' * half}*a{']' * half}"
    assert "nested too deep" in refusal(text)


@pytest.mark.parametrize("template", ["[{}]", "{{{}}}"])
def test_an_alias_bomb_is_noticed_while_it_is_small(template: str) -> None:
    lines = ["a0: &a0 [lol]"]
    for level in range(1, 30):
        parts = ", ".join(
            f"k{at}: *a{level - 1}" if template[0] == "{" else f"*a{level - 1}" for at in range(10)
        )
        lines.append(f"a{level}: &a{level} {template.format(parts)}")
    assert f"too many values, counting each use of an alias (expected at most {MAX_NODES})" in (
        refusal("\n".join(lines))
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\nA: 3", ["f.yml:3:1: key 'A' is already defined at line 1"]),
        ("a: !!str 1", ["f.yml:1:4: tag 'tag:yaml.org,2002:str' is not supported"]),
        ("a: !x {b: !y []}", ["f.yml:1:4: tag '!x' is", "f.yml:1:11: tag '!y' is"]),
        ("a: &a {x: 1}\nb: {<<: *a}", ["f.yml:2:5: merge keys ('<<') are not supported"]),
    ],
)
def test_what_does_not_keep_the_rest_from_being_read(text: str, message: list[str]) -> None:
    found = complaints(text)
    assert len(found) == len(message)
    assert all(map(str.startswith, found, message))
