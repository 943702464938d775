"""The one error tree. Everything Fastness raises on purpose descends from `FastnessError`.

    FastnessError
    ├── ConfigError          500  the developer or operator wrote something that cannot be right
    ├── DeniedError          403  a rule refused the caller
    ├── InvalidInputError    400  the input cannot be understood or is over a limit
    ├── TamperedError        400  something we signed came back changed, forged or too late
    └── UnavailableError     503  a thing we depend on is away; nothing was decided in the caller's favour

Each class has a stable `code` (its address in docs/reference/errors.md), an HTTP `status` and a `public` sentence. Only
`public` may be shown to a visitor: `detail` is for the log and the developer, and may name hosts, settings or limits.
Neither may hold a secret or an unescaped input value.

ASVS 5.0: V16.5.1 (generic message to the consumer), V16.5.3 (fail securely).
"""

from typing import ClassVar

from fastness.kernel.texts import Text


class FastnessError(Exception):
    """The root of the tree; `detail` is the message for the log and the developer."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    public: str = Text("Something went wrong on our side.")
    """Of the class, unless an error has something of its own to tell the visitor. A `Text` is shown in their language."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


class ConfigError(FastnessError):
    """A setting, rule or call that cannot be right; the message says the fix."""

    code = "config"
    status = 500


class DeniedError(FastnessError):
    """A rule refused the caller."""

    code = "denied"
    status = 403
    public: str = Text("You are not allowed to do this.")


class InvalidInputError(FastnessError):
    """Input that cannot be understood or is over a limit."""

    code = "invalid_input"
    status = 400
    public: str = Text("The request could not be understood.")


class TamperedError(FastnessError):
    """Something we signed came back changed, forged or too late."""

    code = "tampered"
    status = 400
    public: str = Text("This link or form is not valid, or no longer valid.")


class UnavailableError(FastnessError):
    """A thing we depend on is away; nothing was decided in the caller's favour."""

    code = "unavailable"
    status = 503
    public: str = Text("The service is not available at the moment. Please try again later.")
