"""What a new password must be, asked in one place by form, API and command alike.

Protects people from the passwords that are guessed first: short ones, common and breached ones, and those made of what is known
about the person or the site. Nobody has to mix kinds of characters, and nothing expires (both make worse passwords). Everything
is decided here, offline and in bounded time, but for an optional question to a service (`fastness.auth.breachlookup`), which is
off until its address is set. If that service does not answer, the password is taken and an event says so.

A password is kept exactly as it was typed; only for these comparisons it is normalised (NFKC, case folded), so that full-width
letters hide nothing. The person is not protected from a password they use elsewhere.

ASVS 5.0: V6.2.1, V6.2.4 (common), V6.2.5 (no composition rules), V6.2.9, V6.2.11 (context), V6.2.12 (breached).
"""

import unicodedata
from typing import Protocol

from fastness.auth.commonpasswords import is_common, normalise
from fastness.auth.errors import PasswordRefusedError
from fastness.auth.password_rules import PasswordRules
from fastness.auth.passwords import PasswordReason, decide_password
from fastness.kernel.texts import Text
from fastness.kernel.values import dataclass
from fastness.kernel.verdicts import ALLOW, Allow, Deny, Verdict

_LEAST_LEFT = 8
_SHORTEST_WORD = 4
_LONGEST_WORD = 254
_MOST_WORDS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordOwner:
    """What is known about the person who chooses a password."""

    username: str = ""
    display_name: str = ""
    email: str = ""

    @property
    def texts(self) -> tuple[str, ...]:
        """All of it."""
        return (self.username, self.display_name, self.email)


class PasswordCheck(Protocol):
    """One more thing that a password must be; pure and quick, since it runs on the event loop."""

    def decide(self, password: str, owner: PasswordOwner) -> Verdict:
        """Whether the password may be used by this person; the length was checked before."""
        ...


class BreachLookup(Protocol):
    """Asks a service whether a password is known to be breached."""

    async def is_breached(self, password: str) -> bool | None:
        """Whether it is; `None` if there was no answer."""
        ...


class NotCommon:
    """Refuses what is in everybody's list, and small changes of it."""

    def decide(self, password: str, owner: PasswordOwner) -> Verdict:  # noqa: ARG002 - the protocol's
        return Deny(PasswordReason.COMMON) if is_common(password) else ALLOW


class NotOwnData:
    """Refuses what is made of the person's name, mail address or the site's name, with little else."""

    __slots__ = ("_site",)

    def __init__(self, *site_words: str) -> None:
        self._site = site_words

    def decide(self, password: str, owner: PasswordOwner) -> Verdict:
        rest = full = _plain(password)
        for word in own_words(*owner.texts, *self._site):
            # Backwards too: it is the second thing that a guessing program tries.
            rest = rest.replace(word, "").replace(word[::-1], "")
        return Deny(PasswordReason.SIMILAR) if rest != full and len(rest) < _LEAST_LEFT else ALLOW


class Diverse:
    """Asks for several kinds of characters: lower and upper case, digits, others. For rules that somebody else imposes."""

    __slots__ = ("_min_kinds",)

    def __init__(self, min_kinds: int) -> None:
        self._min_kinds = min_kinds

    def decide(self, password: str, owner: PasswordOwner) -> Verdict:  # noqa: ARG002 - the protocol's
        kinds = {_kind(character) for character in password}
        return ALLOW if len(kinds) >= self._min_kinds else Deny(PasswordReason.TOO_FEW_KINDS)


class PasswordPolicy:
    """All that is asked of a new password."""

    __slots__ = ("_checks", "_lookup", "rules")

    def __init__(
        self,
        rules: PasswordRules,
        *,
        site_words: tuple[str, ...] = (),
        checks: tuple[PasswordCheck, ...] = (),
        lookup: BreachLookup | None = None,
    ) -> None:
        diversity = (Diverse(rules.min_kinds),) if rules.min_kinds > 1 else ()
        self.rules = rules
        self._checks: tuple[PasswordCheck, ...] = (NotCommon(), NotOwnData(*site_words), *diversity, *checks)
        self._lookup = lookup

    def decide(self, password: str, owner: PasswordOwner, *, has_second_factor: bool = False) -> Verdict:
        """What can be said without asking anybody."""
        verdict = decide_password(self.rules, password, has_second_factor=has_second_factor)
        for check in self._checks:
            if not isinstance(verdict, Allow):
                break
            verdict = check.decide(password, owner)
        return verdict

    def min_length(self, *, has_second_factor: bool = False) -> int:
        """Characters that a password has at least."""
        return self.rules.min_length_with_second_factor if has_second_factor else self.rules.min_length

    def refusal(self, error: PasswordRefusedError, *, has_second_factor: bool = False) -> Text:
        """What to say to the person whose password was refused."""
        return refusal_text(self.rules, error.reason, has_second_factor=has_second_factor)

    async def is_breached(self, password: str) -> bool | None:
        """Whether the service knows it; `False` if none is asked, `None` if it did not answer."""
        return False if self._lookup is None else await self._lookup.is_breached(password)


def refusal_text(rules: PasswordRules, reason: object, *, has_second_factor: bool = False) -> Text:
    """What to say to the person whose password was refused."""
    least = rules.min_length_with_second_factor if has_second_factor else rules.min_length
    match reason:
        case PasswordReason.TOO_SHORT:
            return Text(
                "The password is too short: at least {least} characters. Several words are easier to remember.",
                least=least,
            )
        case PasswordReason.TOO_LONG:
            return Text("The password is too long: at most {most} characters.", most=rules.max_length)
        case PasswordReason.NOT_TEXT:
            return Text("The password has a character that cannot be stored.")
        case PasswordReason.COMMON:
            return Text("This password, or one much like it, is among those that are guessed first. Choose another.")
        case PasswordReason.SIMILAR:
            return Text(
                "The password is made of your name, your mail address or the name of this site. Choose another."
            )
        case PasswordReason.BREACHED:
            return Text(
                "This password is in lists of stolen passwords. Choose another, and change it wherever you use it."
            )
        case PasswordReason.TOO_FEW_KINDS:
            return Text(
                "The password needs {least} kinds of characters: small letters, capital letters, digits, others.",
                least=rules.min_kinds,
            )
        case PasswordReason.UNCHANGED:
            return Text("This is the password you have. Choose another.")
        case _:
            return Text("This password cannot be used. Choose another.")


def own_words(*texts: str) -> tuple[str, ...]:
    """The words of texts about a person, the longest first, and no more than a bounded number."""
    words: set[str] = set()
    for text in texts:
        form = normalise(text[:_LONGEST_WORD])
        parts = "".join(character if character.isalnum() else " " for character in form).split()
        words.update(parts, ["".join(parts)])
    long = sorted((word for word in words if len(word) >= _SHORTEST_WORD), key=lambda word: (-len(word), word))
    return tuple(long[:_MOST_WORDS])


def _plain(text: str) -> str:
    return "".join(character for character in normalise(text) if character.isalnum())


def _kind(character: str) -> str:
    category = unicodedata.category(character)
    return category if category in {"Ll", "Lu", "Nd"} else "other"
