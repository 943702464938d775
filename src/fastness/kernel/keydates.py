"""The day on which a key was made, in front of the key itself.

Nothing else knows it honestly: the time of a file is that of its last edit, and an environment has none. A day in front
takes nothing from the key, whose random part stays as long as it was; an attacker may know it. A key without one works as
well, and nobody can tell its age.

ASVS 5.0: V13.3.4 (secrets expire and rotate).
"""

import re
from datetime import date, datetime
from typing import Final

_FORM: Final = re.compile(r"k([0-9]{8})\.")


def dated_key(random_part: str, day: date) -> str:
    """The key with its day."""
    return f"k{day:%Y%m%d}.{random_part}"


def try_day_of(key: str) -> date | None:
    """The day in front of a key, if there is one."""
    found = _FORM.match(key)
    if found is None:
        return None
    try:
        return datetime.strptime(found.group(1), "%Y%m%d").date()  # noqa: DTZ007 - a day, without time or zone
    except ValueError:
        return None
