"""Numbers as JavaScript reads and prints them: IEEE doubles, also hexadecimal, octal and binary."""

import math
import re

# White space that JavaScript's Number() trims; str.strip() alone trims another set.
WHITE_SPACE = "\t\n\v\f\r \u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(
    map(chr, range(0x2000, 0x200B))
)

_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_RADIX = re.compile(r"0(?:([xX])[0-9a-fA-F]+|([oO])[0-7]+|[bB][01]+)")
_INFINITIES = {"Infinity": math.inf, "+Infinity": math.inf, "-Infinity": -math.inf}
_PLACES = 10**15
_WHOLE_DIGITS = 21  # JavaScript turns to the exponent from 1e21 on
_LEADING_ZEROS = 6  # and below 1e-6


def parse_number(text: str) -> float:
    """The number that `text` is, all of it; NaN if it is none."""
    if _DECIMAL.fullmatch(text):
        return float(text)
    if radix := _RADIX.fullmatch(text):
        return as_double(int(text[2:], 16 if radix[1] else 8 if radix[2] else 2))
    return _INFINITIES.get(text, math.nan)


def coerce_number(text: str) -> float:
    """As `parse_number`, with white space around it allowed; blank text is 0."""
    trimmed = text.strip(WHITE_SPACE)
    return parse_number(trimmed) if trimmed else 0.0


def as_double(number: float) -> float:
    """An int or float as a double; an int beyond the range of doubles is infinite."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def print_number(number: float) -> str:
    """A number as it appears in text: at most 15 decimal places, and no negative zero."""
    if math.isfinite(number) and not number.is_integer():
        number = _rounded(number)
    return print_exactly(number)


def print_exactly(number: float) -> str:
    """A number as JavaScript's Number.prototype.toString prints it."""
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    if number == 0:
        return "0"
    sign = "-" if number < 0 else ""
    digits, point = _shortest_digits(abs(number))
    return sign + _placed(digits, point)


def _rounded(number: float) -> float:
    """To 15 decimal places, halves away from zero: Number.prototype.toFixed and back."""
    numerator, denominator = abs(number).as_integer_ratio()
    units = (numerator * _PLACES * 2 + denominator) // (denominator * 2)
    return math.copysign(units / _PLACES, number)


def _shortest_digits(number: float) -> tuple[str, int]:
    """The significant digits of a positive number, and how many of them precede the point."""
    mantissa, _, exponent = repr(number).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    return digits.rstrip("0"), point


def _placed(digits: str, point: int) -> str:
    if len(digits) <= point <= _WHOLE_DIGITS:
        return digits.ljust(point, "0")
    if 0 < point <= _WHOLE_DIGITS:
        return f"{digits[:point]}.{digits[point:]}"
    if -_LEADING_ZEROS < point <= 0:
        return f"0.{'0' * -point}{digits}"
    mantissa = f"{digits[0]}.{digits[1:]}" if len(digits) > 1 else digits
    return f"{mantissa}e{point - 1:+d}"
