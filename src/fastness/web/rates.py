"""How often a route, a group or a mounted app may be asked: declared where the route is, counted in the store of all workers.

    @routes.post("/search", access=access.public, rate=rates.per_minute(20, by=rates.client))

A window begins with the first request that is counted and ends after its time; within it so many requests pass, all at once if
they come so. Two windows may follow one another closely, so for a moment twice as many pass: declare a second rate with a
shorter window where that matters. Rates of a route count that route, whatever its parameters are; rates of a group or a mount
count all its routes together.

ASVS 5.0: V2.4.1 (anti-automation), V2.4.2, V15.2.2 (costly functions).
"""

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from typing import Final, TypeAlias

from fastness.kernel.errors import ConfigError
from fastness.kernel.values import dataclass

_MINUTE: Final = 60
_HOUR: Final = 3600
_WINDOWS: Final = {1: "second", _MINUTE: "minute", _HOUR: "hour"}
_MAX_REQUESTS: Final = 1_000_000


class RateError(ConfigError):
    """A rate that cannot be right."""

    code = "rate"


class By(StrEnum):
    """Whose requests are counted together."""

    CLIENT = "client"
    """Those of one address; of one /64 in IPv6."""
    USER = "user"
    """Those of one signed-in person, on all their devices; of one address where nobody is signed in."""
    SESSION = "session"
    """Those of one session, or of one API token; of one address where there is neither."""


client: Final = By.CLIENT
user: Final = By.USER
session: Final = By.SESSION


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests in so many seconds; made by `per_second`, `per_minute` and `per_hour`."""

    requests: int
    seconds: int
    by: By = By.CLIENT
    scope: str = ""
    """What is counted together; set where the rate is declared."""

    def __post_init__(self) -> None:
        # A misspelt limit would never limit, without a word.
        if not isinstance(self.by, By):
            raise RateError(f"by={self.by!r} is not known: write by=rates.client, rates.user or rates.session.")
        if type(self.requests) is not int or not 0 < self.requests <= _MAX_REQUESTS:
            raise RateError(f"A rate of {self.requests!r} is not a whole number from 1 to {_MAX_REQUESTS}.")
        if type(self.seconds) is not int or not 0 < self.seconds <= _HOUR:
            raise RateError(f"A rate's window of {self.seconds!r} is not a whole number of seconds, up to an hour.")

    def __str__(self) -> str:
        return f"{self.requests} per {_WINDOWS.get(self.seconds, f'{self.seconds} seconds')} by {self.by}"

    def within(self, scope: str) -> "Rate":
        """This rate, counting what `scope` names; the outermost that named something stays."""
        return self if self.scope else replace(self, scope=scope)


RateOption: TypeAlias = Rate | tuple[Rate, ...]
"""One rate or several; all of them hold."""


def per_second(requests: int, *, by: By = By.CLIENT) -> Rate:
    """So many requests in a second."""
    return Rate(requests, 1, by)


def per_minute(requests: int, *, by: By = By.CLIENT) -> Rate:
    """So many requests in a minute."""
    return Rate(requests, _MINUTE, by)


def per_hour(requests: int, *, by: By = By.CLIENT) -> Rate:
    """So many requests in an hour."""
    return Rate(requests, _HOUR, by)


def rates_of(option: object, *, where: str) -> tuple[Rate, ...]:
    """The rates that somebody wrote as `rate=`; raises `RateError` naming the place."""
    if isinstance(option, Rate):
        return (option,)
    if isinstance(option, tuple) and all(isinstance(each, Rate) for each in option):
        return option
    raise RateError(
        f"rate of {where} is {option!r}; write rate=rates.per_minute(20, by=rates.client), or a tuple of such."
    )


def told(rates: Iterable[Rate]) -> str:
    """The rates of a route for people."""
    return ", ".join(f"{rate} ({rate.scope})" if rate.scope.endswith("*") else str(rate) for rate in rates)
