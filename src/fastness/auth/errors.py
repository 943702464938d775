"""What accounts, roles and sign-in refuse.

    FastnessError
    ├── InvalidInputError
    │   ├── UsernameError        the name cannot be a user name
    │   ├── UsernameTakenError   somebody has it already
    │   ├── PasswordRefusedError the password breaks a rule
    │   ├── GroupNameError       the name cannot be that of a group
    │   ├── NameTakenError       a role or group of this name exists
    │   ├── UndeclaredPermissionError  no enum declares the permission
    │   └── VanishedError        role, group or user were deleted meanwhile
    ├── DeniedError
    │   ├── GrantRefusedError    somebody would give what they may not
    │   └── ProtectedRoleError   the superuser's role is not changed
    └── UnavailableError
        └── HashingBusyError     too many passwords wait to be checked

The reason is a code for the form that asked; no message holds a password or a name. A failed sign-in is no error: it
is an outcome (`fastness.auth.login`).
"""

from enum import StrEnum
from typing import Final

from fastness.kernel.errors import DeniedError, InvalidInputError, UnavailableError

_SHOWN_LENGTH: Final = 100


class UsernameError(InvalidInputError):
    """The text cannot be a user name; `reason` says why."""

    code = "username"
    public = "This user name cannot be used."

    def __init__(self, reason: StrEnum) -> None:
        super().__init__(f"user name refused: {reason}")
        self.reason = reason


class UsernameTakenError(InvalidInputError):
    """An account with this user name exists. Show this only to people who may see that, never at public sign-up."""

    code = "username_taken"
    public = "This user name cannot be used."

    def __init__(self) -> None:
        super().__init__("the user name is taken")


class PasswordRefusedError(InvalidInputError):
    """The new password breaks a rule; `reason` says which."""

    code = "password_refused"
    public = "This password cannot be used."

    def __init__(self, reason: StrEnum) -> None:
        super().__init__(f"password refused: {reason}")
        self.reason = reason


class HashingBusyError(UnavailableError):
    """More passwords wait to be hashed than the pool takes."""

    code = "hashing_busy"


class GroupNameError(InvalidInputError):
    """The text cannot be the name of a group; `reason` says why."""

    code = "group_name"
    public = "This name cannot be used."

    def __init__(self, reason: StrEnum) -> None:
        super().__init__(f"group name refused: {reason}")
        self.reason = reason


class NameTakenError(InvalidInputError):
    """There is a role or a group of this name."""

    code = "name_taken"
    status = 409
    public = "This name is taken."

    def __init__(self) -> None:
        super().__init__("a role or group of this name exists")


class UndeclaredPermissionError(InvalidInputError):
    """A permission was to be given that no enum declares."""

    code = "undeclared_permission"
    public = "There is no such permission."

    def __init__(self, name: str) -> None:
        super().__init__(f"no enum in Fastness(…, permissions=[…]) declares the permission {name[:_SHOWN_LENGTH]!r}")


class VanishedError(InvalidInputError):
    """What was to be changed is not there any more."""

    code = "vanished"
    status = 409
    public = "This was deleted by somebody else meanwhile."

    def __init__(self, kind: str) -> None:
        super().__init__(f"the {kind} is not in the database any more")


class GrantRefusedError(DeniedError):
    """Somebody would give what they do not hold, or give it to themself; `reason` says which."""

    code = "grant_refused"
    public = "You may not give this."

    def __init__(self, reason: StrEnum) -> None:
        super().__init__(f"refused: {reason} (fastness.auth.escalation has the rules)")
        self.reason = reason


class ProtectedRoleError(DeniedError):
    """The superuser's role cannot be made, renamed, deleted, or given permissions of its own."""

    code = "protected_role"
    public = "This role cannot be changed."

    def __init__(self) -> None:
        super().__init__("the role 'superuser' is the same in every app; it can be granted and revoked")
