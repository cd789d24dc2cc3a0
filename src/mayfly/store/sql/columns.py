"""A field of a row as a column: its type, and its values on the way there and back."""

import dataclasses
import enum
import functools
import re
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args, get_origin, get_type_hints

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from mayfly.store.rows import INDEXED, SEALED
from mayfly.store.sql import stored
from mayfly.store.vault import Vault

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
"""Sorted by code points, as Python and SQLite do."""

_REFUSED = re.compile("[\0\ud800-\udfff]")

Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Field:
    """`hint` is its type without None; `default` what a server that does not know it writes."""

    name: str
    hint: Any
    nullable: bool
    indexed: bool
    sealed: bool
    default: Any = dataclasses.MISSING


def fields_of(kind: type[Any]) -> list[Field]:
    hints = get_type_hints(kind)
    return [_field(field, hints[field.name]) for field in dataclasses.fields(kind)]


def _field(field: "dataclasses.Field[Any]", hint: Any) -> Field:
    bare, nullable = _without_none(hint)
    default = field.default
    if field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    return Field(
        name=field.name,
        hint=bare,
        nullable=nullable,
        indexed=field.metadata.get(INDEXED, False),
        sealed=field.metadata.get(SEALED, False),
        default=default,
    )


def _without_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) not in (typing.Union, types.UnionType):
        return hint, False
    rest = [choice for choice in get_args(hint) if choice is not types.NoneType]
    return (rest[0] if len(rest) == 1 else hint), len(rest) < len(get_args(hint))


def column(field: Field) -> "sa.Column[Any]":
    """Its default is also the database's: servers that do not know it can still add rows."""
    return sa.Column(
        field.name,
        _type(field),
        primary_key=field.name == "id",
        nullable=field.nullable,
        index=field.indexed or None,
        server_default=_server_default(field),
    )


def _type(field: Field) -> Any:
    if field.sealed:
        return sa.LargeBinary()
    plain = {bool: sa.Boolean(), int: sa.BigInteger(), float: sa.Double()}
    return plain.get(field.hint, TEXT)


def _server_default(field: Field) -> Any:
    if field.sealed or field.default is dataclasses.MISSING or field.default is None:
        return None
    if field.hint is bool:
        return sa.text(str(field.default).lower())
    if field.hint in (int, float):
        return sa.text(str(field.default))
    return to_database(field)(field.default)


def to_database(field: Field) -> Convert:
    """For fields that are not sealed; also for what is compared with them."""
    if field.hint is str or _is_enum(field.hint):
        return text
    if field.hint in (bool, int, float):
        return _same
    return _optional(stored.to_json)


def from_database(field: Field) -> Convert | None:
    """None if the database's value is the field's already."""
    if field.hint in (str, int, float):
        return None
    if field.hint is bool or _is_enum(field.hint):
        return _optional(field.hint)
    return _optional(functools.partial(stored.shared_from_json, field.hint))


def seal(field: Field, table: str, vault: Vault) -> Callable[[Any, str], bytes | None]:
    """Gives a function of value and row id."""

    def convert(value: Any, row: str) -> bytes | None:
        if value is None:
            return None
        return vault.seal(stored.to_json(value).encode(), table, field.name, row)

    return convert


def unseal(field: Field, table: str, vault: Vault) -> Callable[[Any, str], Any]:
    def convert(value: Any, row: str) -> Any:
        if value is None:
            return None
        return stored.from_json(field.hint, vault.unseal(value, table, field.name, row))

    return convert


def _is_enum(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, enum.Enum)


def _optional(convert: Convert) -> Convert:
    return lambda value: None if value is None else convert(value)


def _same(value: Any) -> Any:
    return value


def text(value: Any) -> Any:
    """NUL and lone surrogates, which databases refuse in text, become U+FFFD."""
    if isinstance(value, enum.Enum):
        return value.value
    return value if value is None else _REFUSED.sub("\ufffd", value)
