"""What accounts, roles and sign-in refuse.

    FastnessError
    ├── InvalidInputError
    │   ├── UsernameError        the name cannot be a user name
    │   ├── UsernameTakenError   somebody has it already
    │   ├── PasswordRefusedError the password breaks a rule
    │   ├── GroupNameError       the name cannot be that of a group
    │   ├── NameTakenError       a role or group of this name exists
    │   ├── UndeclaredPermissionError  no enum declares the permission
    │   ├── VanishedError        role, group or user were deleted meanwhile
    │   ├── TokenNotMadeError    an API token of this name, life or reach cannot be
    │   ├── DeadLinkError        a one-time link was used, is too old, or the account has changed since
    │   ├── SignUpRefusedError   a field of the app's own on the sign-up form cannot be right
    │   └── AddressTakenError    somebody has confirmed the mail address as theirs
    │   └── FactorRefusedError   a second factor cannot be set up, used or removed
    ├── DeniedError
    │   ├── GrantRefusedError    somebody would give what they may not
    │   └── ProtectedRoleError   the superuser's role is not changed
    ├── ThrottledError           too many attempts have failed; wait
    └── UnavailableError
        └── HashingBusyError     too many passwords wait to be checked

The reason is a code for the form that asked; no message holds a password or a name. A failed sign-in is no error: it
is an outcome (`fastness.auth.login`).
"""

from enum import StrEnum
from typing import Final

from fastness.kernel.errors import DeniedError, FastnessError, InvalidInputError, UnavailableError
from fastness.kernel.texts import Text

_SHOWN_LENGTH: Final = 100


class UsernameError(InvalidInputError):
    """The text cannot be a user name; `reason` says why."""

    code = "username"
    public: str = Text("This username cannot be used.")

    def __init__(self, reason: StrEnum) -> None:
        super().__init__(f"user name refused: {reason}")
        self.reason = reason


class UsernameTakenError(InvalidInputError):
    """An account with this user name exists. Show this only to people who may see that, never at public sign-up."""

    code = "username_taken"
    public: str = Text("This username cannot be used.")

    def __init__(self) -> None:
        super().__init__("the user name is taken")


class PasswordRefusedError(InvalidInputError):
    """The new password breaks a rule; `reason` says which."""

    code = "password_refused"
    public: str = Text("This password cannot be used.")

    def __init__(self, reason: StrEnum) -> None:
        super().__init__(f"password refused: {reason}")
        self.reason = reason


class ThrottledError(FastnessError):
    """Too many attempts have failed; this one was not carried out. `retry_after_seconds` is how long to wait."""

    code = "throttled"
    status = 429
    public: str = Text("Too many attempts. Wait a moment, then try again.")

    def __init__(self, reason: StrEnum, *, retry_after_seconds: int) -> None:
        super().__init__(f"throttled by {reason}, for {retry_after_seconds} seconds")
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds


class HashingBusyError(UnavailableError):
    """More passwords wait to be hashed than the pool takes."""

    code = "hashing_busy"


class GroupNameError(InvalidInputError):
    """The text cannot be the name of a group; `reason` says why."""

    code = "group_name"
    public: str = Text("This name cannot be used.")

    def __init__(self, reason: StrEnum) -> None:
        super().__init__(f"group name refused: {reason}")
        self.reason = reason


class NameTakenError(InvalidInputError):
    """There is a role or a group of this name."""

    code = "name_taken"
    status = 409
    public: str = Text("This name is taken.")

    def __init__(self) -> None:
        super().__init__("a role or group of this name exists")


class UndeclaredPermissionError(InvalidInputError):
    """A permission was to be given that no enum declares."""

    code = "undeclared_permission"
    public: str = Text("There is no such permission.")

    def __init__(self, name: str) -> None:
        super().__init__(f"no enum in Fastness(…, permissions=[…]) declares the permission {name[:_SHOWN_LENGTH]!r}")


class TokenNotMadeError(InvalidInputError):
    """An API token cannot be made like this; `reason` says why."""

    code = "token_not_made"
    public: str = Text("This token cannot be made.")

    def __init__(self, reason: StrEnum) -> None:
        super().__init__(f"API token not made: {reason}")
        self.reason = reason


class VanishedError(InvalidInputError):
    """What was to be changed is not there any more."""

    code = "vanished"
    status = 409
    public: str = Text("This was deleted by somebody else meanwhile.")

    def __init__(self, kind: str) -> None:
        super().__init__(f"the {kind} is not in the database any more")


class DeadLinkError(InvalidInputError):
    """A one-time link was used, is too old, was never made, or the account has changed since. All look the same."""

    code = "dead_link"
    status = 410
    public: str = Text("This link no longer works.")

    def __init__(self) -> None:
        super().__init__("the one-time link was used, is too old, or the account has changed since")


class AddressTakenError(InvalidInputError):
    """An account has confirmed this mail address. Show this only to people who have shown that the address is theirs."""

    code = "address_taken"
    status = 409
    public: str = Text("Another account has this address.")

    def __init__(self) -> None:
        super().__init__("the mail address is confirmed for another account")


class FactorRefusedError(InvalidInputError):
    """A second factor that cannot be set up, used or removed; `reason` says why."""

    code = "factor_refused"
    public: str = Text("This second factor was not accepted.")

    def __init__(self, reason: str) -> None:
        super().__init__(f"second factor refused: {reason}")
        self.reason = reason


class SignUpRefusedError(InvalidInputError):
    """A field of the app's own on the sign-up form cannot be right; the text is shown beside it."""

    code = "sign_up_refused"
    status = 422
    public: str = Text("This cannot be used.")

    def __init__(self, field: str, text: str) -> None:
        super().__init__(f"the sign-up form's field {field!r} was refused")
        self.field = field
        self.text = text


class GrantRefusedError(DeniedError):
    """Somebody would give what they do not hold, or give it to themself; `reason` says which."""

    code = "grant_refused"
    public: str = Text("You may not give this.")

    def __init__(self, reason: StrEnum) -> None:
        super().__init__(f"refused: {reason} (fastness.auth.escalation has the rules)")
        self.reason = reason


class LastSuperuserError(DeniedError):
    """The change would leave nobody who may do everything."""

    code = "last_superuser"
    status = 409
    public: str = Text("This is the last superuser. Make somebody else one first.")

    def __init__(self) -> None:
        super().__init__(
            "no active user would have the role 'superuser' any more; insecure_without_superuser=Because(…) and, on the "
            "command line, --without-superuser WHY mean it"
        )


class ProtectedRoleError(DeniedError):
    """The superuser's role cannot be made, renamed, deleted, or given permissions of its own."""

    code = "protected_role"
    public: str = Text("This role cannot be changed.")

    def __init__(self) -> None:
        super().__init__("the role 'superuser' is the same in every app; it can be granted and revoked")
