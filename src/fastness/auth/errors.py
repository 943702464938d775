"""What accounts and sign-in refuse.

    FastnessError
    ├── InvalidInputError
    │   ├── UsernameError        the name cannot be a user name
    │   ├── UsernameTakenError   somebody has it already
    │   └── PasswordRefusedError the password breaks a rule
    └── UnavailableError
        └── HashingBusyError     too many passwords wait to be checked

The reason is a code for the form that asked; no message holds a password or a name. A failed sign-in is no error: it
is an outcome (`fastness.auth.login`).
"""

from enum import StrEnum

from fastness.kernel.errors import InvalidInputError, UnavailableError


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
