"""The `.env` file: read with python-dotenv's parser, written so that nobody else can read it and none of it is lost.

The file holds the secret key. It is created for its owner only, and replaced as a whole: written beside itself, flushed
to disk and renamed, so that a crash leaves the old one or the new one and never half a key. Comments and foreign lines
stay. Values are taken as they stand: `$NAME` is not replaced, since a key may hold any character.

Not covered: backups and editors that keep copies. ASVS 5.0: V13.3.1, V13.3.2 (least access to secrets).
"""

import os
import re
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Final

from dotenv.parser import parse_stream

from fastness.kernel.errors import ConfigError
from fastness.kernel.tokens import random_token
from fastness.kernel.values import dataclass

MODE: Final = 0o600

_PLAIN: Final = re.compile(r"[A-Za-z0-9_.,:/@+=-]*")


@dataclass(frozen=True, slots=True)
class Line:
    """A statement of the file, or what stands between statements."""

    number: int
    original: str
    name: str | None
    value: str | None
    is_readable: bool


def read_lines(text: str) -> Iterator[Line]:
    """Cut the text of the file into statements; joined again they are the text."""
    for binding in parse_stream(StringIO(text)):
        yield Line(
            binding.original.line, binding.original.string, binding.key, binding.value, is_readable=not binding.error
        )


def create_env_file(file: Path, values: Mapping[str, str]) -> None:
    """Write a new file; raises `ConfigError` if there is one already."""
    try:
        _write(file, "".join(f"{name}={_quote(value)}\n" for name, value in values.items()))
    except FileExistsError:
        raise ConfigError(f"{file} is there already.") from None


def update_env_file(file: Path, changes: Mapping[str, str | None]) -> None:
    """Set the named variables and remove those that are `None`; everything else stays as it is."""
    # A link is followed, so that the file it leads to is replaced and not the link.
    target = file.resolve()
    parts: list[str] = []
    left = dict(changes)
    for line in read_lines(target.read_text(encoding="utf-8-sig")):
        if line.name is None or line.name not in changes:
            parts.append(line.original)
            continue
        value = left.pop(line.name, None)
        if value is not None:
            # What stands before the statement (empty lines) stays.
            before = line.original[: len(line.original) - len(line.original.lstrip())]
            parts.append(f"{before}{line.name}={_quote(value)}\n")
    if parts and not parts[-1].endswith("\n"):
        parts.append("\n")
    parts += [f"{name}={_quote(value)}\n" for name, value in left.items() if value is not None]
    beside = target.with_name(f".{target.name}.{random_token(16)}")
    try:
        _write(beside, "".join(parts))
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    _flush_folder(target.parent)


def _write(file: Path, text: str) -> None:
    # O_EXCL refuses a file or link that somebody else put there; the mode holds from the first byte.
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def _flush_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _quote(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    if "\n" in value or "\r" in value:
        raise ConfigError("A value in .env is one line.")
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
