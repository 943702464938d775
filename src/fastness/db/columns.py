"""Columns whose values leave the database for one purpose only: hashes of passwords, and secrets.

A page, an export or an answer that lists "all columns" is how hashes get out (CVE-2026-113733: a view-only administrator saw
them whole). What is declared with one of these types, or with `info={HIDDEN: True}`, can stand in no output schema, and a
secret is a `Secret` in Python, which no repr, log line or JSON shows. The values are not encrypted: whoever reads the database
file reads them.

ASVS 5.0: V14.2.6 (only what is needed is returned), V15.3.1 (only the required fields), V16.2.5.
"""

from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Dialect, String, Text
from sqlalchemy.sql import visitors
from sqlalchemy.types import TypeDecorator

from fastness.kernel.errors import ConfigError
from fastness.kernel.secret import Secret

HIDDEN: Final = "fastness_hidden"
"""Key in a column's `info`: its value is never shown, whatever lists columns."""
HASH_LENGTH: Final = 512


class PasswordHash(TypeDecorator[str]):
    """The hash of a password: text that goes to the hasher and nowhere else."""

    impl = String(HASH_LENGTH)
    cache_ok = True


class SecretText(TypeDecorator[Secret]):
    """A token or key, `Secret` in Python and text in the database; `Mapped[Secret]` is this."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Secret | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        if value is None:
            return None
        if not isinstance(value, Secret):
            raise ConfigError("A secret column takes a Secret: write Secret(value).")
        return value.reveal()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Secret | None:  # noqa: ARG002
        return None if value is None else Secret(value)

    def process_literal_param(self, value: Secret | None, dialect: Dialect) -> str:  # noqa: ARG002
        # A statement with its values written into it ends in logs.
        raise ConfigError("A secret is never written into the text of a statement.")


def is_hidden(expression: ColumnElement[Any]) -> bool:
    """Whether a column, or anything that an expression is made of, is hidden."""
    return any(
        isinstance(part, ColumnElement)
        and (
            isinstance(part.type, PasswordHash | SecretText)
            or (isinstance(part, Column) and bool(part.info.get(HIDDEN)))
        )
        for part in visitors.iterate(expression)
    )
