"""What is refused and where, what is bounded, and what an expression says about itself."""

import pytest

from mayfly.workflow.expressions import Call, ExpressionError, Reference, parse


@pytest.mark.parametrize(
    ("text", "message", "position"),
    [
        ("", "an expression was expected", 0),
        (" \n ", "an expression was expected", 0),
        ("a b", "unexpected 'b'", 2),
        ("a ==", "ends where a value was expected", 4),
        ("(a", r"ends where '\)' was expected", 2),
        ("a)", r"unexpected '\)'", 1),
        ("a[1", "ends where ']' was expected", 3),
        ("a[*.b]", "unexpected '.' where ']' was expected", 3),
        ("a.'b'", "unexpected ''b''", 2),
        ("a.1", "unexpected '1'", 2),
        ("f(a b)", "unexpected 'b' where ',' was expected", 4),
        ("f(a,)", r"unexpected '\)'", 4),
        ("f(,a)", "unexpected ','", 2),
        ("'abc'[0]", r"unexpected '\['", 5),
        ("'abc'.d", "'.d' is not a number", 5),
        ("a.*b", "unexpected 'b'", 3),
        ("* == 1", r"unexpected '\*'", 0),
        ("a == 'b", "not closed", 5),
        ("'it''s", "not closed", 0),
        ('a == "b"', "unexpected symbol '\"b\"'", 5),
        ("  $a", r"unexpected symbol '\$a'", 2),
        ("a = b", "unexpected symbol '='", 2),
        ("a & b", "unexpected symbol '&'", 2),
        ("a + 1", r"'\+' is not a number", 2),
        ("1_000", "'1_000' is not a number", 0),
        ("-0x1", "'-0x1' is not a number", 0),
        ("1.2.3", "'1.2.3' is not a number", 0),
        ("true && contains('a')", "contains takes 2 arguments, not 1", 8),
        ("FROMjson()", "fromJSON takes 1 argument, not 0", 0),
        ("always(1)", "always takes no arguments, not 1", 0),
        ("join(a, b, c)", "join takes 1 to 2 arguments, not 3", 0),
        ("case(1, 2)", "case takes at least 3 arguments, not 2", 0),
        ("case(a, 1, b, 2)", "odd number", 0),
    ],
)
def test_errors_say_what_and_where(text: str, message: str, position: int) -> None:
    with pytest.raises(ExpressionError, match=message) as caught:
        parse(text)
    assert caught.value.position == position


@pytest.mark.parametrize("opening", ["(", "!", "a[", "f(", "a && (", "1 < ("])
@pytest.mark.parametrize("closed", [True, False])
def test_ten_thousand_levels_are_one_clear_error(opening: str, closed: bool) -> None:
    levels = 10_000 if len(opening) == 1 else 3_000
    closing = {"a[": "]", "!": ""}.get(opening, ")") * levels if closed else ""
    with pytest.raises(ExpressionError, match=r"more than 50 levels deep|longer than 21000"):
        parse(opening * levels + "1" + closing)


def test_depth_is_reported_where_it_is_exceeded() -> None:
    with pytest.raises(ExpressionError, match="more than 50 levels deep") as caught:
        parse("(" * 10_000 + "1" + ")" * 10_000)
    assert caught.value.position == 50


@pytest.mark.parametrize("link", ["==1", "<1", "&&1", "||1"])
def test_chains_as_long_as_an_expression_may_be_are_fine(link: str) -> None:
    expression = parse("1" + link * 5_000)
    assert expression.evaluate({}) in {True, False}


def test_length_is_bounded() -> None:
    text = f"'{'x' * 20_998}'"
    assert parse(text).evaluate({}) == "x" * 20_998
    with pytest.raises(ExpressionError, match="longer than 21000 characters"):
        parse(text + " ")


def test_references_hold_the_path_that_is_known_beforehand() -> None:
    text = "needs.Build.outputs['x y'] == matrix[github.ref].*.a && (STEPS[0]).b || toJSON(env.c).d"
    assert parse(text).references == (
        Reference("needs", ("Build", "outputs", "x y"), 0),
        Reference("matrix", (None, None, "a"), 30),
        Reference("github", ("ref",), text.index("github")),
        Reference("steps", ("0", "b"), text.index("STEPS")),
        Reference("env", ("c",), text.index("env")),
    )


def test_calls_are_spelled_as_documented() -> None:
    expression = parse("FAILURE() && contains(fromjson('[]'), own(1, 2))")
    assert expression.calls == (
        Call("failure", 0, 0),
        Call("contains", 2, 13),
        Call("fromJSON", 1, 22),
        Call("own", 2, 38),
    )
    assert [call.asks_status for call in expression.calls] == [True, False, False, False]


def test_equal_texts_share_one_tree() -> None:
    assert parse("github.ref_name") is parse("github.ref_name")
