"""Texts with `${{ }}` in them."""

import pytest

from mayfly.workflow.expressions import Call, ExpressionError, Reference, Template, Value

CONTEXTS: dict[str, Value] = {
    "matrix": {"os": "linux", "count": 3.0, "flag": True, "items": [1.0], "none": None}
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain { } $ {{ text }}", "plain { } $ {{ text }}"),
        ("${{ matrix.os }}", "linux"),
        ("a ${{ matrix.os }}-${{matrix.count}} b", "a linux-3 b"),
        ("${{ '}}' }}", "}}"),
        ("${{ '${{' }}", "${{"),
        ("${{ 'it''s }}' }}!", "it's }}!"),
        ("${{ 1 }}}", "1}"),
        ("$${{ 1 }}", "$1"),
        ("${{ '{0}' }}{0}", "{0}{0}"),
        ("${{ matrix.none }}", ""),
        ("${{ matrix.flag }}", "true"),
        ("${{ matrix.items }}", "Array"),
        ("${{ matrix }}", "Object"),
        ("${{\n  matrix.os\n}}", "linux"),
    ],
)
def test_texts(text: str, expected: str) -> None:
    assert Template.parse(text).evaluate_string(CONTEXTS) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${{ matrix.count }}", 3.0),
        ("${{ matrix.items }}", [1.0]),
        ("${{ matrix.none }}", None),
        (" ${{ matrix.count }}", " 3"),
        ("${{ matrix.count }}${{ matrix.flag }}", "3true"),
        ("3", "3"),
        ("", ""),
    ],
)
def test_one_expression_alone_keeps_its_kind(text: str, expected: Value) -> None:
    assert Template.parse(text).evaluate(CONTEXTS) == expected


@pytest.mark.parametrize(
    ("text", "message", "position"),
    [
        ("abc ${{ matrix.os", "not closed", 4),
        ("${{ 'a }}", "not closed", 0),
        ("${{ a }} ${{ b }", "not closed", 9),
        ("${{ }}", "an expression was expected", 3),
        ("${{}}", "an expression was expected", 3),
        ("ab ${{ 1 }} ${{ a b }}", "unexpected 'b'", 18),
    ],
)
def test_errors_count_in_the_whole_text(text: str, message: str, position: int) -> None:
    with pytest.raises(ExpressionError, match=message) as caught:
        Template.parse(text)
    assert caught.value.position == position


def test_evaluation_errors_count_in_the_whole_text() -> None:
    template = Template.parse("x ${{ true && fromJSON('{') }}")
    with pytest.raises(ExpressionError, match="not JSON") as caught:
        template.evaluate(CONTEXTS)
    assert caught.value.position == 14


def test_uses_count_in_the_whole_text() -> None:
    template = Template.parse("x ${{ a.b }} ${{ hashFiles(c) }}")
    assert template.references == (Reference("a", ("b",), 6), Reference("c", (), 27))
    assert template.calls == (Call("hashFiles", 1, 17),)
    assert [embedded.expression.text for embedded in template.expressions] == [
        " a.b ",
        " hashFiles(c) ",
    ]
