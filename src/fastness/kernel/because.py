"""The reason that every way out of a protection has to carry.

`insecure_cross_site=Because("the SAML provider posts the assertion here")` reads as what it is in a review, is listed
by `fastness check`, and is never written by accident: a bare `True` has the wrong type, a throw-away text is refused.

It protects against the developer's own later self, not against an attacker. ASVS 5.0: V15.1.5 (dangerous functionality
is documented).
"""

from typing import Final

from fastness.kernel.errors import ConfigError
from fastness.kernel.values import dataclass

MIN_TEXT_LENGTH: Final = 10
"""Long enough that "todo", "because" and "temporary" do not pass for a reason."""


@dataclass(frozen=True, slots=True)
class Because:
    """Why a protection is switched off at this place."""

    text: str

    def __post_init__(self) -> None:
        if len(self.text.strip()) < MIN_TEXT_LENGTH:
            raise ConfigError(
                f"Because(...) needs a reason of at least {MIN_TEXT_LENGTH} characters that a reviewer can judge, "
                'for example Because("the SAML provider posts the assertion here").'
            )

    def __str__(self) -> str:
        return self.text
