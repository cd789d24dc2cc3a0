"""A hostile expression gets an error; it takes neither the memory nor the time of the host."""

import json

import pytest

from mayfly.workflow.expressions import ExpressionError, Template, Value, parse


def refused(text: str, message: str, contexts: dict[str, Value] | None = None) -> None:
    with pytest.raises(ExpressionError, match=message):
        parse(text).evaluate(contexts or {})


def test_text_that_doubles_at_every_level_is_refused() -> None:
    text = "'0123456789'"
    for _ in range(20):
        text = f"format('{{0}}{{0}}{{0}}{{0}}', {text})"
    refused(text, "more than 10 MB of text")


def test_join_is_refused_before_it_makes_its_text() -> None:
    contexts: dict[str, Value] = {"items": ["x"] * 5_000, "separator": "-" * 1_000_000}
    refused("join(items, separator)", "more than 10 MB of text", contexts)


def test_json_of_values_that_share_their_parts_is_refused() -> None:
    bomb: Value = "lol"
    for _ in range(60):
        bomb = [bomb, bomb, bomb]
    refused("toJSON(bomb)", "more than 10 MB of text", {"bomb": bomb})


def test_json_text_that_is_too_long_is_refused() -> None:
    refused("fromJSON(text)", "more than 10 MB of text", {"text": f'"{"x" * 10_000_000}"'})


def test_a_template_counts_what_all_its_expressions_make() -> None:
    template = Template.parse("${{ text }}" * 3)
    with pytest.raises(ExpressionError, match="more than 10 MB of text") as caught:
        template.evaluate({"text": "x" * 4_000_000})
    assert caught.value.position == 25


def test_work_over_large_data_is_refused() -> None:
    contexts: dict[str, Value] = {"items": ["x" * 1000] * 1000, "text": "y" * 10_000_000}
    refused("contains(items, text)", "more data than is allowed", contexts)
    refused(" || ".join(["text == 'z'"] * 20), "more data than is allowed", contexts)
    refused(" || ".join(["startsWith(text, 'z')"] * 20), "more data than is allowed", contexts)


def test_filters_over_large_data_are_refused() -> None:
    contexts: dict[str, Value] = {"items": [{"a": 1.0}] * 100_000}
    refused(" && ".join(["items.*.a.*"] * 60), "more data than is allowed", contexts)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_deep_json_is_refused(opening: str) -> None:
    refused("fromJSON(text)", "not JSON|levels deep", {"text": opening * 100_000})
    closing = "]" if opening == "[" else "}"
    refused("fromJSON(text)", "100 levels deep", {"text": opening * 101 + "1" + closing * 101})


def test_json_may_be_as_deep_as_the_limit_both_ways() -> None:
    text = "[" * 100 + "]" * 100
    value = parse("fromJSON(text)").evaluate({"text": text})
    assert json.loads(str(parse("toJSON(value)").evaluate({"value": value}))) == json.loads(text)
    refused("fromJSON(text)", "100 levels deep", {"text": f"[{text}]"})
    refused("toJSON(value)", "100 levels deep", {"value": [value]})
