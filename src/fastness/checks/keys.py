"""How old the keys are.

A key that leaked is of use until it is replaced, and nobody notices the leak. Keys that `fastness keys new` makes carry
their day; that they are long and random enough, the settings see to before anything starts.

ASVS 5.0: V13.3.4 (secrets expire and rotate).
"""

from collections.abc import Iterator
from typing import Final

from fastness.checks.check import Deployment
from fastness.kernel.findings import Finding, Notice, Severity, Topic
from fastness.kernel.keydates import try_day_of
from fastness.kernel.secret import Secret

MAX_KEY_DAYS: Final = 366

OLD_KEY: Final = Notice(
    id="FST-KEYS-001",
    severity=Severity.LOW,
    title="A key is older than a year",
    why="Everybody who has seen it since can still use it.",
    fix="Run `fastness keys rotate`, and `fastness keys retire` when no link signed with the old key is in use. For a pepper: "
    "`fastness keys new`, with the old one in FASTNESS_PASSWORDS_PREVIOUS_PEPPERS.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V13.3.4",),
)
UNDATED_KEY: Final = Notice(
    id="FST-KEYS-002",
    severity=Severity.INFO,
    title="Nobody can tell how old a key is",
    why="It was not made by `fastness keys new`, which puts the day in front.",
    fix="Nothing, if you replace it at a date of your own; otherwise run `fastness keys rotate`.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V13.3.4",),
)
SAME_KEY: Final = Notice(
    id="FST-KEYS-003",
    severity=Severity.MEDIUM,
    title="The key in use is among the previous ones",
    why="The rotation changed nothing: the key that was to be replaced still signs.",
    fix="Run `fastness keys rotate` again, or take the key out of FASTNESS_PREVIOUS_SECRET_KEYS.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V13.3.4",),
)

NOTICES: Final = (OLD_KEY, UNDATED_KEY, SAME_KEY)


def check_key_age(deployment: Deployment) -> Iterator[Finding]:
    """The keys that sign and seal now; previous ones are a finding of their own."""
    settings = deployment.settings
    if settings.is_development:
        return
    today = deployment.clock.now().date()
    keys = {"FASTNESS_SECRET_KEY": settings.secret_key, "FASTNESS_PASSWORDS_PEPPER": settings.passwords.pepper}
    for name, key in keys.items():
        day = None if key is None else try_day_of(_text_of(key))
        if day is not None and (today - day).days > MAX_KEY_DAYS:
            yield OLD_KEY.found(where=f"{name}: made on {day.isoformat()}")
        elif day is None and key is not None:
            yield UNDATED_KEY.found(where=name)
    if any(settings.secret_key == key for key in settings.previous_secret_keys):
        yield SAME_KEY.found(where="FASTNESS_PREVIOUS_SECRET_KEYS")


def _text_of(key: Secret) -> str:
    return key.reveal_bytes().decode("latin-1")
