"""What may be the name of a role.

The name of a role stands in code (`access.role("editors")`) and in the database, where people make roles while the app runs.
Whoever may do that must not be able to make one that reads like another: "superuser" with a Cyrillic letter, with an invisible
one, or with a capital. So a name is small ASCII letters and digits, with single hyphens or underscores between them, compared
to the byte; what people read is the role's label, which decides nothing.

ASVS 5.0: V8.1.1, V8.2.1, V2.2.1.
"""

import re
from enum import StrEnum
from typing import Final

from fastness.kernel.errors import InvalidInputError
from fastness.kernel.texts import Text

MAX_LENGTH: Final = 64
MAX_LABEL_LENGTH: Final = 254
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")


class RoleNameReason(StrEnum):
    """Why a name was refused."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    CHARACTER = "character"
    LABEL_TOO_LONG = "label_too_long"


class RoleNameError(InvalidInputError):
    """The text cannot be the name of a role; `reason` says why."""

    code = "role_name"
    public: str = Text("A role's name is made of small letters, digits and hyphens.")

    def __init__(self, reason: RoleNameReason) -> None:
        super().__init__(
            f"role name refused: {reason}; write small ASCII letters, digits, and '-' or '_' between them, at most {MAX_LENGTH}"
        )
        self.reason = reason


def parse_role_name(text: str) -> str:
    """Return the name, exactly as it was given.

    Raises:
        RoleNameError: with the reason; nothing is repaired, so that no two spellings become one role.
    """
    if not text:
        raise RoleNameError(RoleNameReason.EMPTY)
    if len(text) > MAX_LENGTH:
        raise RoleNameError(RoleNameReason.TOO_LONG)
    if _NAME.fullmatch(text) is None:
        raise RoleNameError(RoleNameReason.CHARACTER)
    # A plain text, also where a StrEnum's member was given.
    return str.__str__(text)


def parse_role_label(text: str) -> str:
    """Return what people read beside the name, without spaces at its ends. Raises `RoleNameError` for more than fits."""
    if len(text) > MAX_LABEL_LENGTH:
        raise RoleNameError(RoleNameReason.LABEL_TOO_LONG)
    return text.strip()
