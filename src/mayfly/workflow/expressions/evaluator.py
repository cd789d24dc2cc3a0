"""A syntax tree and contexts to a value."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from mayfly.workflow.expressions.budget import Budget
from mayfly.workflow.expressions.comparison import equals, greater, less
from mayfly.workflow.expressions.errors import ExpressionError, FunctionFailed
from mayfly.workflow.expressions.functions import BUILTINS
from mayfly.workflow.expressions.nodes import (
    Comparison,
    Context,
    Filter,
    FunctionCall,
    Index,
    Literal,
    Logical,
    Node,
    Not,
)
from mayfly.workflow.expressions.values import (
    FilteredArray,
    Value,
    find_key,
    is_primitive,
    is_truthy,
    normalised,
    to_number,
    to_string,
)

Contexts: TypeAlias = Mapping[str, Value]
Function: TypeAlias = Callable[..., Value]
Functions: TypeAlias = Mapping[str, Function]

_COMPARE: dict[str, Callable[[Value, Value], bool]] = {
    "==": equals,
    "!=": lambda left, right: not equals(left, right),
    "<": less,
    "<=": lambda left, right: equals(left, right) or less(left, right),
    ">": greater,
    ">=": lambda left, right: equals(left, right) or greater(left, right),
}


@dataclass(frozen=True, slots=True)
class Scope:
    """What one evaluation sees: named values, functions beyond the language's own, its budget.

    Both mappings are looked up without case. A function gets the evaluated arguments by position,
    as many as its entry in SIGNATURES allows, and raises FunctionFailed to refuse them.
    """

    contexts: Contexts
    functions: Functions
    budget: Budget = field(default_factory=Budget)


def evaluate(root: Node, scope: Scope) -> Value:
    """The value of a tree; ExpressionError if a function refuses or the budget is spent."""
    try:
        return _value(root, scope)
    except FunctionFailed as error:
        raise ExpressionError(str(error), 0) from error


def _value(node: Node, scope: Scope) -> Value:
    result: Value
    match node:
        case Literal():
            result = node.value
        case Context():
            result = _first(_entry(scope.contexts, node.name, scope))
        case Index():
            result = _access(_value(node.target, scope), _value(node.index, scope), scope)
        case Filter():
            result = _filtered(_value(node.target, scope), scope)
        case FunctionCall():
            result = _call(node, scope)
        case Not():
            result = not is_truthy(_value(node.operand, scope))
        case Logical():
            result = _logical(node, scope)
        case Comparison():
            result = _comparison(node, scope)
    return normalised(result)


def _logical(node: Logical, scope: Scope) -> Value:
    """The operand that decides; those after it are not evaluated."""
    decisive = node.operator == "||"
    result: Value = None
    for operand in node.operands:
        result = _value(operand, scope)
        if is_truthy(result) is decisive:
            break
    return result


def _comparison(node: Comparison, scope: Scope) -> Value:
    left = _value(node.operands[0], scope)
    for operator, operand in zip(node.operators, node.operands[1:], strict=True):
        right = _value(operand, scope)
        scope.budget.read(_size(left) + _size(right))
        left = _COMPARE[operator](left, right)
    return left


def _size(value: Value) -> int:
    return len(value) if isinstance(value, str) else 0


def _filtered(target: Value, scope: Scope) -> FilteredArray:
    """Every item; of a filtered array, every item of its items."""
    outer: list[Value] = target if isinstance(target, FilteredArray) else [target]
    result = FilteredArray()
    for value in outer:
        if isinstance(value, dict):
            result.extend(value.values())
        elif isinstance(value, list):
            result.extend(value)
    scope.budget.visit(len(outer) + len(result))
    return result


def _access(target: Value, index: Value, scope: Scope) -> Value:
    """`target[index]`, or null; of a filtered array, that of every item which has it."""
    if not isinstance(target, FilteredArray):
        return _first(_found(target, index, scope))
    scope.budget.visit(len(target))
    return FilteredArray(item for value in target for item in _found(value, index, scope))


def _first(found: tuple[Value, ...]) -> Value:
    return found[0] if found else None


def _found(target: Value, index: Value, scope: Scope) -> tuple[Value, ...]:
    """What `index` finds in a value: one item or none."""
    if isinstance(target, dict) and is_primitive(index):
        return _entry(target, to_string(index), scope)
    if isinstance(target, list):
        number = to_number(index)
        if 0 <= number < len(target):  # false for NaN
            return (target[math.floor(number)],)
    return ()


def _entry(mapping: Mapping[str, Value], name: str, scope: Scope) -> tuple[Value, ...]:
    scope.budget.visit(len(mapping))
    key = find_key(mapping, name)
    return () if key is None else (mapping[key],)


def _call(node: FunctionCall, scope: Scope) -> Value:
    if node.name == "case":
        return _case(node, scope)
    arguments = [_value(argument, scope) for argument in node.arguments]
    try:
        if (builtin := BUILTINS.get(node.name)) is not None:
            return builtin(arguments, scope.budget)
        if (supplied := find_key(scope.functions, node.name)) is not None:
            return scope.functions[supplied](*arguments)
    except FunctionFailed as error:
        raise ExpressionError(str(error), node.position) from error
    raise ExpressionError(f"there is no function '{node.name}' here", node.position)


def _case(node: FunctionCall, scope: Scope) -> Value:
    """The value after the first true condition, else the last; only that value is evaluated."""
    *pairs, default = node.arguments
    for condition, value in zip(pairs[::2], pairs[1::2], strict=True):
        decision = _value(condition, scope)
        if not isinstance(decision, bool):
            raise ExpressionError("case: a condition must be true or false", node.position)
        if decision:
            return _value(value, scope)
    return _value(default, scope)
