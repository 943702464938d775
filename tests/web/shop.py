"""A small app for the tests of the gates, and the settings that go with it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fastness import Fastness, Routes, Settings
from fastness.kernel.clock import ManualClock
from fastness.kernel.events import MemorySink
from fastness.kernel.hosts import HostRules
from fastness.kernel.secret import Secret
from fastness.settings.profiles import Profile
from tests.ready_made import CHEAP_PASSWORDS

KEY = Secret("pZ3v9Qw1Lr8Tn5Yb2Xc7Mp4Hd6Js0Ag-fU_eViO")
HOST = "shop.example"
ORIGIN = "https://shop.example"


def make_settings(**overrides: Any) -> Settings:
    values: dict[str, Any] = {
        "profile": Profile.PRODUCTION,
        "project": "shop",
        "secret_key": KEY,
        "hosts": HostRules(allowed=(HOST,)),
        "store_url": "sqlite:///var/store.sqlite3",
        "passwords": CHEAP_PASSWORDS,
    }
    return Settings(**{**values, **overrides})


class Shop:
    """An app with its events and its clock at hand."""

    def __init__(self, folder: Path, routes: Iterable[Routes], *, clock: ManualClock, **options: Any) -> None:
        overrides = options.pop("settings", {})
        self.events = MemorySink()
        self.clock = clock
        self.app = Fastness(
            make_settings(
                **{
                    "store_url": f"sqlite:///{folder}/store.sqlite3",
                    "database_url": f"sqlite:///{folder}/data.sqlite3",
                    **overrides,
                }
            ),
            routes=list(routes),
            events=self.events,
            clock=clock,
            **options,
        )

    def names(self) -> list[str]:
        return [event.name.value for event in self.events.events]

    def reasons(self) -> list[str]:
        return [event.reason for event in self.events.events]
