"""Where the app is: `--app`, FASTNESS_APP, or `[tool.fastness]` in pyproject.toml of the current folder.

The current folder is put at the front of the import path, as `python -m` does: whoever may write there may run code as
the person who types the command, so run commands in folders you trust. Nothing else is searched, and no parent folder.

ASVS 5.0: V15.1.5 (accepted findings carry their reasons).
"""

import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, Final

from fastness.app import Fastness
from fastness.cli.errors import CommandError
from fastness.kernel.because import Because
from fastness.kernel.loading import load
from fastness.kernel.values import dataclass
from fastness.settings.sources import read_sources

PROJECT_FILE: Final = "pyproject.toml"
KNOWN_KEYS: Final = frozenset({"app", "demo", "migrations", "accepted", "roles"})
DEFAULT_MIGRATIONS: Final = "migrations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """What the commands know about an app before they load it."""

    folder: Path
    app: str | None = None
    """"casebook.app:app"."""
    demo: str | None = None
    """"casebook.seed:seed", which fills an empty demo."""
    migrations: Path
    """The folder of the app's own migrations; need not be there."""
    accepted: Mapping[str, Because] = field(default_factory=dict)
    """Findings by id that the team lives with."""
    roles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Roles by name with the permissions they are meant to hold, for the matrix; the database decides what they do hold."""

    @property
    def migrations_if_there(self) -> Path | None:
        """The folder of the app's migrations, if it has any."""
        return self.migrations if self.migrations.is_dir() else None

    @property
    def sources(self) -> tuple[Path, ...]:
        """The package that holds the app, or the folder of the module that does."""
        name = (self.app or "").partition(":")[0].partition(".")[0]
        module = sys.modules.get(name)
        if module is None:
            return ()
        folders = tuple(Path(folder) for folder in getattr(module, "__path__", ()))
        file = module.__file__
        return folders or (() if file is None else (Path(file).parent,))


def find_location(app: str | None = None) -> Location:
    """Find the app of the current folder; `app` wins over the environment, and that over pyproject.toml."""
    folder = Path.cwd()
    section = _read_section(folder / PROJECT_FILE)
    migrations = _text(section, "migrations") or DEFAULT_MIGRATIONS
    return Location(
        folder=folder,
        app=app or read_sources(os.environ, folder).texts.get("FASTNESS_APP") or _text(section, "app"),
        demo=_text(section, "demo"),
        migrations=folder / migrations,
        accepted=_read_accepted(section),
        roles=_read_roles(section),
    )


def load_app(location: Location) -> Fastness:
    """Import the app; raises `CommandError` if it is not where it was said to be."""
    if location.app is None:
        raise CommandError(
            f'No app is named. Write app = "yourmodule.app:app" under [tool.fastness] in {location.folder / PROJECT_FILE}, '
            "set FASTNESS_APP, or give --app yourmodule.app:app."
        )
    app = load_object(location.app, location.folder)
    if not isinstance(app, Fastness):
        raise CommandError(f"{location.app} is a {type(app).__name__}, not a Fastness app.")
    return app


def load_object(target: str, folder: Path) -> object:
    """Import what `module:name` stands for, with the folder at the front of the import path."""
    module_name, colon, name = target.partition(":")
    if not colon or not module_name or not name:
        raise CommandError(f"{target} does not name an object: write module:name, such as casebook.app:app.")
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        module = load(module_name)
    except ModuleNotFoundError as error:
        # An import inside the app that fails is the app's own error and keeps its traceback.
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise CommandError(f"There is no module {error.name} in {folder} or on the import path ({target}).") from None
    try:
        found: object = getattr(module, name)
    except AttributeError:
        raise CommandError(f"The module {module_name} has no {name} ({target}).") from None
    return found


def name_of(folder: Path) -> tuple[str, str]:
    """What pyproject.toml calls the project and its version; the folder's name where it does not."""
    project = _read_project(folder / PROJECT_FILE).get("project", {})
    return str(project.get("name", folder.name)), str(project.get("version", "0"))


def _read_section(file: Path) -> Mapping[str, object]:
    section = _read_project(file).get("tool", {}).get("fastness", {})
    if unknown := sorted(section.keys() - KNOWN_KEYS):
        raise CommandError(
            f"[tool.fastness] in {file} has {', '.join(unknown)}; it may have {', '.join(sorted(KNOWN_KEYS))}."
        )
    return section if isinstance(section, dict) else {}


def _read_project(file: Path) -> dict[str, Any]:
    if not file.exists():
        return {}
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {error}") from None


def _text(section: Mapping[str, object], key: str) -> str | None:
    value = section.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise CommandError(f"{key} under [tool.fastness] is a text.")
    return value


def _read_accepted(section: Mapping[str, object]) -> Mapping[str, Because]:
    accepted = section.get("accepted", {})
    if not isinstance(accepted, dict) or not all(isinstance(reason, str) for reason in accepted.values()):
        raise CommandError('[tool.fastness.accepted] has lines such as FST-HTTPS-001 = "why we accept it".')
    return {str(name): Because(reason) for name, reason in accepted.items()}


def _read_roles(section: Mapping[str, object]) -> Mapping[str, frozenset[str]]:
    roles = section.get("roles", {})
    if not isinstance(roles, dict) or not all(
        isinstance(held, list) and all(isinstance(name, str) for name in held) for held in roles.values()
    ):
        raise CommandError('[tool.fastness.roles] has lines such as editors = ["cases.add_note", "cases.edit"].')
    return {str(name): frozenset(held) for name, held in roles.items()}
