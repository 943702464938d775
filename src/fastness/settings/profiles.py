"""The two ways an app runs, and what each starts from.

`production` is what runs when nobody says anything: a machine on which somebody forgot a variable is a strict one.
`development` is one person on one machine over plain http; the commands `fastness dev` and `fastness demo` ask for it,
and what it loosens is listed in `DEVELOPMENT_DEFAULTS` and nowhere else. Whoever can set the process's environment is
trusted with both.

ASVS 5.0: V13.4.2 (debug modes are off in production).
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from fastness.kernel.headers import HeaderRules
from fastness.kernel.hosts import HostRules
from fastness.mail.rules import MailBackend, MailRules


class Profile(StrEnum):
    """Where the app runs."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


DEVELOPMENT_DEFAULTS: Final[Mapping[str, object]] = MappingProxyType({
    # Names that only this machine answers to: a page that rebinds its own name to 127.0.0.1 gets no answer.
    "hosts": HostRules(allowed=("localhost", "127.0.0.1", "[::1]")),
    "is_https_required": False,
    # A browser that was told to use https for localhost does so for every project on the machine, for a year.
    "headers": HeaderRules(hsts_seconds=None),
    # To the terminal: nobody outside is written to from a developer's machine.
    "mail": MailRules(backend=MailBackend.CONSOLE),
})  # fmt: skip
