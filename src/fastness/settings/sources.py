"""Where the settings' texts come from: a secrets folder, the `.env` file, the environment.

Each later source wins over the one before. The files are written by whoever runs the app and are trusted; that others
can read one is a finding of `fastness check`, not a reason to stay down. Only names with our prefix are looked at, and
none is put into the process's environment, where every child process would get it.

ASVS 5.0: V13.3.1 (secrets come from outside the code), V13.3.2 (least access to them).
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Final

PREFIX: Final = "FASTNESS_"
ENV_FILE: Final = ".env"
SECRETS_FOLDER_VARIABLE: Final = "FASTNESS_SECRETS_DIR"
DEFAULT_SECRETS_FOLDER: Final = Path("/run/secrets")
MAX_FILE_BYTES: Final = 65_536
MAX_SHOWN_NAME_LENGTH: Final = 60


class Sources:
    """The texts by variable, with the problems met on the way."""

    __slots__ = ("problems", "texts")

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.problems: list[str] = []


def read_sources(environ: Mapping[str, str], folder: Path) -> Sources:
    """Read all sources in rising precedence; a name beginning with the prefix in any case is taken as it is written."""
    sources = Sources()
    secrets = environ.get(SECRETS_FOLDER_VARIABLE)
    _read_secrets(sources, DEFAULT_SECRETS_FOLDER if secrets is None else Path(secrets), is_named=secrets is not None)
    _read_env_file(sources, folder / ENV_FILE)
    for name, text in environ.items():
        if name.upper().startswith(PREFIX) and name != SECRETS_FOLDER_VARIABLE:
            sources.texts[name] = text
    return sources


def show_name(name: str) -> str:
    """Return the name of a variable for a message, unless it looks like a value that landed in the wrong place."""
    if len(name) <= MAX_SHOWN_NAME_LENGTH and name.isascii() and name.isidentifier():
        return name
    return f"a variable beginning with {PREFIX}"


def _read_secrets(sources: Sources, folder: Path, *, is_named: bool) -> None:
    """Container secrets: one file a setting, `fastness_secret_key` or in capitals."""
    try:
        files = sorted(entry for entry in folder.iterdir() if entry.name.upper().startswith(PREFIX))
    except OSError as error:
        if is_named:
            sources.problems.append(f"{SECRETS_FOLDER_VARIABLE}: the folder cannot be read ({error.strerror}).")
        return
    for file in files:
        text = _read_file(sources, file, file.name)
        if text is not None:
            # Editors and `echo` end a file with a line end that is not part of the secret.
            sources.texts[file.name.upper()] = text.removesuffix("\n").removesuffix("\r")


def _read_env_file(sources: Sources, file: Path) -> None:
    if not file.exists():
        return
    text = _read_file(sources, file, ENV_FILE)
    if text is None:
        return
    seen: set[str] = set()
    # Loaded where there is such a file: with python-dotenv it costs a start some milliseconds, and production has none.
    for line in import_module("fastness.settings.envfile").read_lines(text):
        where = f"{ENV_FILE}, statement at line {line.number}"
        if not line.is_readable and PREFIX in line.original.upper():
            sources.problems.append(f"{where}: write NAME=value, and put a value with quotes or # into double quotes.")
        name, value = line.name, line.value
        if name is None or not name.upper().startswith(PREFIX):
            continue
        if value is None:
            sources.problems.append(f"{where}: = and a value are missing.")
        elif name in seen:
            # Two keys in one file: which of them signs must not depend on the parser.
            sources.problems.append(f"{show_name(name)} stands twice in {ENV_FILE}; remove one.")
        elif name == SECRETS_FOLDER_VARIABLE:
            sources.problems.append(f"{name} is read from the environment only, not from {ENV_FILE}.")
        else:
            seen.add(name)
            sources.texts[name] = value


def _read_file(sources: Sources, file: Path, shown: str) -> str | None:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            sources.problems.append(f"{shown} is larger than {MAX_FILE_BYTES} bytes; settings are short texts.")
            return None
        return data.decode("utf-8-sig")
    except OSError as error:
        sources.problems.append(f"{shown} cannot be read ({error.strerror}).")
    except UnicodeDecodeError:
        sources.problems.append(f"{shown} is not UTF-8 text.")
    return None
