"""What stands between a guessed password and an account: the throttle, the second factor, how long links and tokens hold.

Each number here has a default that holds; a deployment that loosened one finds it listed, and one that took the protection
away finds that it does not start.

ASVS 5.0: V6.3.1 (brute force), V6.3.3 (second factor), V6.5.5 and V6.4.1 (life of codes and links), V7.1.1, V7.3.2.
"""

from collections.abc import Iterator
from typing import Final

from fastness.auth.account_rules import AccountRules
from fastness.auth.throttle_rules import Counted, Limit, ThrottleRules
from fastness.auth.token_rules import TokenRules
from fastness.checks.check import Deployment
from fastness.kernel.findings import Finding, Notice, Severity, Topic

MAX_GUESSES_A_DAY: Final = 1_000
"""Against one account. The default lets some 120 through; NIST SP 800-63B §3.2.2 stops at 100 in a row."""
_DAY_SECONDS: Final = 86_400

LOOSE_THROTTLE: Final = Notice(
    id="FST-THROTTLE-001",
    severity=Severity.LOW,
    title="The sign-in throttle is looser than the default",
    why="Passwords can be tried more often before the next attempt has to wait.",
    fix="Leave the FASTNESS_THROTTLE_… settings at their defaults.",
    topic=Topic.AUTHENTICATION,
    asvs=("V6.3.1",),
)
NO_THROTTLE: Final = Notice(
    id="FST-THROTTLE-002",
    severity=Severity.HIGH,
    title="The sign-in throttle does not stop guessing",
    why="At this rate the passwords that many people use are tried within a day.",
    fix="Leave the FASTNESS_THROTTLE_… settings at their defaults. Nobody is locked out by them: they slow down.",
    topic=Topic.AUTHENTICATION,
    asvs=("V6.3.1",),
)
UNENFORCED_FACTOR: Final = Notice(
    id="FST-FACTORS-001",
    severity=Severity.MEDIUM,
    title="Nobody has to have a second factor",
    why="One guessed or stolen password of somebody with permissions opens all that they may do.",
    fix="Take FASTNESS_SECOND_FACTORS_INSECURE_UNENFORCED out; people set theirs up at their next sign-in.",
    topic=Topic.AUTHENTICATION,
    asvs=("V6.3.3",),
)
OPEN_SIGN_UP: Final = Notice(
    id="FST-ACCOUNTS-001",
    severity=Severity.INFO,
    title="Anybody may make an account",
    why="What is open to everybody who is signed in is open to everybody.",
    fix="Make sure that each route that only asks for access.signed_in is meant for strangers, or invite people instead.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V8.1.1",),
)
LONG_LINKS: Final = Notice(
    id="FST-ACCOUNTS-002",
    severity=Severity.LOW,
    title="Links in mail hold longer than the default",
    why="Whoever gets into the mailbox later can still take the account over.",
    fix="Leave FASTNESS_ACCOUNTS_RESET_MINUTES, _CONFIRM_MINUTES and _INVITE_HOURS at their defaults.",
    topic=Topic.AUTHENTICATION,
    asvs=("V6.5.5", "V6.4.1"),
)
LONG_TOKENS: Final = Notice(
    id="FST-TOKENS-001",
    severity=Severity.LOW,
    title="API tokens may live longer than a year",
    why="A token that lies forgotten in a script still opens what it opened.",
    fix="Leave FASTNESS_TOKENS_MAX_DAYS at its default.",
    topic=Topic.AUTHENTICATION,
    asvs=("V13.3.4",),
)

NOTICES: Final = (LOOSE_THROTTLE, NO_THROTTLE, UNENFORCED_FACTOR, OPEN_SIGN_UP, LONG_LINKS, LONG_TOKENS)

_ATTEMPTS: Final = ("account_attempts", "pair_attempts", "device_attempts", "address_attempts", "network_attempts")
_WAITS: Final = ("window_seconds", "max_delay_seconds", "address_window_seconds", "address_max_delay_seconds")


def check_throttle(deployment: Deployment) -> Iterator[Finding]:
    """How many passwords can be tried."""
    rules, preset = deployment.settings.throttle, ThrottleRules()
    for counted in (Counted.ACCOUNT, Counted.DEVICE):
        guesses = guesses_a_day(rules.limit_of(counted))
        if guesses > MAX_GUESSES_A_DAY:
            yield NO_THROTTLE.found(where=f"{guesses} guesses a day ({counted})")
            return
    looser = [name for name in _ATTEMPTS if getattr(rules, name) > getattr(preset, name)]
    looser += [name for name in _WAITS if getattr(rules, name) < getattr(preset, name)]
    if looser:
        yield LOOSE_THROTTLE.found(where=", ".join(f"FASTNESS_THROTTLE_{name.upper()}" for name in looser))


def guesses_a_day(limit: Limit) -> int:
    """How many attempts one counter lets through in a day, once the waits have grown."""
    windows = max(1, _DAY_SECONDS // limit.window_seconds)
    # Within a window the free ones, and then one for each of the longest waits; the short ones before it add a dozen.
    return windows * (limit.attempts + min(_DAY_SECONDS, limit.window_seconds) // limit.max_delay_seconds)


def check_factors(deployment: Deployment) -> Iterator[Finding]:
    """Whether people with more rights than others need more than a password."""
    reason = deployment.settings.second_factors.insecure_unenforced
    if reason is not None:
        yield UNENFORCED_FACTOR.found(
            where="FASTNESS_SECOND_FACTORS_INSECURE_UNENFORCED",
            detail=f"{UNENFORCED_FACTOR.why} The reason given: {reason.text}",
        )


def check_accounts(deployment: Deployment) -> Iterator[Finding]:
    """What strangers may do, and how long what they are sent holds."""
    rules, preset = deployment.settings.accounts, AccountRules()
    if rules.sign_up:
        yield OPEN_SIGN_UP.found(where="FASTNESS_ACCOUNTS_SIGN_UP")
    longer = [
        name
        for name in ("reset_minutes", "confirm_minutes", "invite_hours")
        if getattr(rules, name) > getattr(preset, name)
    ]
    if longer:
        yield LONG_LINKS.found(where=", ".join(f"FASTNESS_ACCOUNTS_{name.upper()}" for name in longer))
    if deployment.settings.tokens.max_days > TokenRules().max_days:
        yield LONG_TOKENS.found(where=f"FASTNESS_TOKENS_MAX_DAYS: {deployment.settings.tokens.max_days}")
