"""What a check is: a function from what is deployed to the findings about it.

A check looks at values and at files' modes, never at the network and never at contents; it changes nothing and does not
raise for what it finds. Its findings are made from notices, so that the catalogue, the reference and the ASVS map are
one list. A clean report says that none of these mistakes was made, not that the app is secure.

ASVS 5.0: V13.1.4 and V15.1.5 (what is loosened is known and documented).
"""

import os
from collections.abc import Iterable
from dataclasses import field
from pathlib import Path
from typing import Final, Protocol

from fastness.db.model import Model
from fastness.html.inventory import TemplateFinding
from fastness.kernel.clock import Clock, SystemClock
from fastness.kernel.findings import Finding
from fastness.kernel.values import dataclass
from fastness.settings.settings import Settings
from fastness.web.route import Route

OTHERS: Final = 0o077
"""The bits of a mode by which anybody but the owner may do something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What is looked at."""

    settings: Settings
    routes: tuple[Route, ...] = ()
    permissions: tuple[str, ...] = ()
    """What the app's own enums declare."""
    folder: Path
    """Where the app runs: `.env` lies there, and relative paths of the settings begin there."""
    migrations: Path | None = None
    """The folder of the app's own migrations, if it has one."""
    templates: tuple[TemplateFinding, ...] = ()
    """What was found in the app's templates."""
    template_folder: Path | None = None
    """The folder of the app's templates."""
    sources: tuple[Path, ...] = ()
    """The folders or files of the app's Python code."""
    models: tuple[type[Model], ...] = ()
    """The app's own models."""
    static: Path | None = None
    """The folder of the app's static files."""
    secrets_folder: Path | None = None
    """The folder that FASTNESS_SECRETS_DIR names."""
    has_tls: bool | None = None
    """Whether the server itself has a certificate; None where no server is about to start."""
    tls_key: Path | None = None
    """The file of that certificate's key."""
    clock: Clock = field(default_factory=SystemClock)


class Check(Protocol):
    """One thing to look at."""

    def __call__(self, deployment: Deployment, /) -> Iterable[Finding]:
        """Yield what is wrong."""
        ...


def has_mode(path: Path, bits: int) -> bool:
    """Whether the file or folder is there and has one of these bits of its mode; never where there are none (Windows)."""
    try:
        return os.name == "posix" and bool(path.stat().st_mode & bits)
    except OSError:
        return False
