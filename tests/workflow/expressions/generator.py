"""Random expressions and data for the differential tests.

What npm's evaluator and ours treat differently on purpose is not generated: more than one quote
in a string, keys that differ only in case or look like an index, text after the digits of a
placeholder, and `case` with arguments that can fail.
"""

import json
import math
from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

from hypothesis import strategies as st

from mayfly.workflow.expressions import Value

Item = TypeVar("Item")

TEXTS = ["", " ", "0", "1", "1.5", "-1", "0x1F", "true", "null", "NaN", "a", "A", "ab", "name"]
TEXTS += ["Infinity", "straße", "STRASSE", "ı", "I", "i", "é", "É", "\uffee", "\U0001f600"]  # noqa: RUF001
NUMBERS = [0.0, -0.0, 1.0, 2.0, 1.5, -1.0, 1e21, 1e-7, 31.0, math.nan, math.inf, -math.inf]
KEYS = ["a", "B", "name", "x-y", "_z", "sp ace", "é", "true"]

texts = st.one_of(st.sampled_from(TEXTS), st.text(max_size=4))
numbers = st.one_of(st.sampled_from(NUMBERS), st.floats())
values: st.SearchStrategy[Value] = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)
    ),
    max_leaves=8,
)

_SHARED: Value = {"Name": "shared", "x-y": [1.0, "b", None]}
CONTEXTS: dict[str, Value] = {
    "github": {
        "a": {"name": "Straße", "B": [0.0, "1", {"a": True}], "null": None},
        "NAME": "Ab",
        "x-y": [{"a": 1.0}, {"A": "two", "name": [3.0]}, "a", None, [{"a": 4.0}]],
        "_z": _SHARED,
        "": "empty",
        "1.5": "number",
    },
    "Matrix": [_SHARED, _SHARED, [[1.0], ["a", "B"]], False],
    "steps": [{"a": {"b": {"name": -0.5}}}, {"B": {"b": {"NAME": math.inf}}}],
    "inputs": "TRUE",
    "env": None,
}
_CONTEXT_NAMES = ["github", "GitHub", "matrix", "steps", "inputs", "env"]
_PROPERTIES = ["a", "A", "b", "NAME", "x-y", "_z", "length", "null", "NaN", "*"]
_OPERATORS = ["==", "!=", "<", "<=", ">", ">=", "&&", "||"]
_NUMERALS = ["0", "-0", "+1", ".5", "5.", "0x1f", "0o17", "0b11", "1e3", "-2E-2", "1e999", "NaN"]
_NUMERALS += ["-Infinity", "Infinity", "99999999999999999999", "0.12345678901234567", "-1.5"]
_CHARACTERS = "aAbB09 '\"\\{}[]$é\n"
_FORMAT_PIECES = ["{0}", "{1}", "{{", "}}", "x", " ", "{2}", "{", "}", "{007}"]
_JSON_TEXTS = ["", " ", "{", "[1,]", "01", "-", "1e400", '{"a":1,"A":2,"a":3}', '"\\ud83d"', "NaN"]
_JSON_TEXTS += ["-Infinity", "[-0]", '"\t"', "nul", "\ufeff1", " [ ] ", "[1] 2", "1_0"]
_REFUSED_CALLS = ["contains(1)", "join()", "toJSON(1, 2)", "format()", "always(1)", "case(1, 2)"]
_BINARY_FUNCTIONS = ["contains", "startsWith", "ENDSWITH", "join", "format", "hashFiles"]
_UNARY_FUNCTIONS = ["toJSON", "FromJson", "join"]
_STATUS_CALLS = ["success()", "failure( )", "always ()", "cancelled()"]


def quoted(text: str) -> str:
    """A string literal of `text` without its quotes from the second on."""
    head, quote, tail = text.partition("'")
    return f"'{head}{quote * 2}{tail.replace(chr(39), '')}'"


Rule = Callable[["_Grammar", int], str]


class _Grammar:
    """Each rule returns the text of an expression whose operands are at most `depth` deep."""

    def __init__(self, random: Random):
        self._random = random

    def pick(self, items: Sequence[Item]) -> Item:
        return self._random.choice(items)

    def upto(self, most: int, least: int = 0) -> range:
        return range(self._random.randint(least, most))

    def expression(self, depth: int) -> str:
        return self.pick(_RULES if depth > 0 else _LEAVES)(self, depth - 1)

    def text(self) -> str:
        made = "".join(self.pick(_CHARACTERS) for _ in self.upto(4))
        return self.pick([*TEXTS, made, made, made])

    def number(self) -> float:
        made = self._random.uniform(-1, 1) * 10.0 ** self._random.randint(-20, 25)
        return self.pick([*NUMBERS, made, made, made])

    def value(self, depth: int) -> Value:
        scalar = self.pick([None, True, False, self.number(), self.text(), self.text()])
        if depth == 0:
            return scalar
        array = [self.value(depth - 1) for _ in self.upto(3)]
        object_ = {self.pick(KEYS): self.value(depth - 1) for _ in self.upto(3)}
        choices: list[Value] = [scalar, array, object_]
        return self.pick(choices)

    def literal(self, _depth: int) -> str:
        made = repr(self._random.uniform(-1, 1) * 10.0 ** self._random.randint(-20, 25))
        return self.pick(["true", "false", "null", quoted(self.text()), self.pick(_NUMERALS), made])

    def context(self, _depth: int) -> str:
        return self.pick(_CONTEXT_NAMES)

    def access(self, depth: int) -> str:
        parts = [self.pick([*_CONTEXT_NAMES, "("])]
        if parts == ["("]:
            parts += [self.expression(depth), ")"]
        for _ in self.upto(4, least=1):
            accesses: list[Rule] = [_Grammar.property_, _Grammar.property_, _Grammar.index]
            parts.append(self.pick(accesses)(self, depth))
        return "".join(parts)

    def property_(self, _depth: int) -> str:
        return self.pick([".", ".", " . "]) + self.pick(_PROPERTIES)

    def index(self, depth: int) -> str:
        simple = self.pick(["*", "0", "1", "-1", "1.9", "'name'", "'A'", ""])
        return f"[{simple or self.expression(depth)}]"

    def operation(self, depth: int) -> str:
        parts = [self.expression(depth)]
        for _ in self.upto(3, least=1):
            space = self.pick(["", " ", "\n"])
            parts += [space, self.pick(_OPERATORS), space, self.expression(depth)]
        return "".join(parts)

    def group(self, depth: int) -> str:
        return f"( {self.expression(depth)})"

    def negation(self, depth: int) -> str:
        return f"!{self.expression(depth)}"

    def call(self, depth: int) -> str:
        given = f"{self.expression(depth)}, {self.expression(depth)}"
        return f"{self.pick(_BINARY_FUNCTIONS)}({given})"

    def call_of_one(self, depth: int) -> str:
        return f"{self.pick(_UNARY_FUNCTIONS)}({self.expression(depth)})"

    def format(self, depth: int) -> str:
        pieces = [self.pick(_FORMAT_PIECES) for _ in self.upto(4)]
        given = [self.expression(depth) for _ in self.upto(2)]
        return f"format({', '.join([quoted(''.join(pieces)), *given])})"

    def from_json(self, _depth: int) -> str:
        made = json.dumps(self.value(2), ensure_ascii=False)
        return f"fromJSON({quoted(self.pick([*_JSON_TEXTS, made, made, made]))})"

    def case(self, depth: int) -> str:
        pairs = [
            f"{self.pick(['true', 'false', 'success()', '1 < 2', 'env'])}, {self.literal(depth)}"
            for _ in self.upto(3, least=1)
        ]
        return f"case({', '.join([*pairs, self.context(depth)])})"

    def fixed_call(self, _depth: int) -> str:
        return self.pick(_STATUS_CALLS * 3 + _REFUSED_CALLS)


_LEAVES: list[Rule] = [_Grammar.literal, _Grammar.literal, _Grammar.context, _Grammar.access]
_RULES: list[Rule] = [
    *_LEAVES,
    *[_Grammar.access, _Grammar.operation] * 3,
    *[_Grammar.group, _Grammar.negation, _Grammar.call, _Grammar.call_of_one, _Grammar.format],
    *[_Grammar.from_json, _Grammar.case, _Grammar.fixed_call],
]


def expression(random: Random, depth: int) -> str:
    """A random expression of about that many levels."""
    return _Grammar(random).expression(depth)
