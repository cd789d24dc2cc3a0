"""`==`, `<` and `>` as in JavaScript, but strings without case and objects by identity."""

from mayfly.workflow.expressions.values import Kind, Value, kind_of, to_number

_DOTLESS_I = "\u0131"
_COERCED = frozenset({Kind.NULL, Kind.BOOLEAN})
_TEXT_OR_NUMBER = frozenset({Kind.STRING, Kind.NUMBER})


def upper(text: str) -> str:
    """The case in which strings compare: upper, except that the dotless i is no I."""
    if _DOTLESS_I in text:
        return _DOTLESS_I.join(part.upper() for part in text.split(_DOTLESS_I))
    return text.upper()


def equals(left: Value, right: Value) -> bool:
    kind, left, right = _same_kind(left, right)
    if kind is Kind.STRING:
        return left == right or upper(str(left)) == upper(str(right))
    if kind is Kind.ARRAY or kind is Kind.OBJECT:
        return left is right
    return kind is not None and left == right


def less(left: Value, right: Value) -> bool:
    kind, left, right = _same_kind(left, right)
    if kind is Kind.STRING:
        return _ordinal(str(left)) < _ordinal(str(right))
    if kind is Kind.NUMBER or kind is Kind.BOOLEAN:
        return to_number(left) < to_number(right)
    return False


def greater(left: Value, right: Value) -> bool:
    return less(right, left)


def _ordinal(text: str) -> bytes:
    """Strings are ordered by UTF-16 code units, as in JavaScript and .NET, not by characters."""
    return upper(text).encode("utf-16-be", "surrogatepass")


def _same_kind(left: Value, right: Value) -> tuple[Kind | None, Value, Value]:
    """Both values coerced to one kind, which comes first; None if they cannot be compared."""
    left_kind, right_kind = kind_of(left), kind_of(right)
    if left_kind is right_kind:
        if left_kind is Kind.NUMBER:
            return left_kind, to_number(left), to_number(right)
        return left_kind, left, right
    if left_kind in _COERCED:
        left, left_kind = to_number(left), Kind.NUMBER
    if right_kind in _COERCED:
        right, right_kind = to_number(right), Kind.NUMBER
    if left_kind in _TEXT_OR_NUMBER and right_kind in _TEXT_OR_NUMBER:
        return Kind.NUMBER, to_number(left), to_number(right)
    return None, left, right
