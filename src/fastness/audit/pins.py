"""Which versions a project says it installs: requirement files, lock files and `==` in pyproject.toml.

Files are found by their names (`requirements*.txt`, `requirements/*.txt`, `pylock*.toml`, `uv.lock`, `poetry.lock`,
`pdm.lock`) and by `-r` in them. Nothing is resolved or installed. A line that cannot be read is told, not skipped.

What is read goes into files for pip and pip-audit, a line for each package. A lock file may give a package any text for a name: a
line end in it, and behind that an option or a folder, which pip would build and so run. Such a one is told, and goes nowhere.

ASVS 5.0: V15.1.2 (an inventory), V15.2.4 (from the expected place).
"""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from fastness.audit.reading import NotReadError, read_within, repository_of
from fastness.kernel.report import Unchecked
from fastness.kernel.values import dataclass

_NAMES: Final = ("requirements*.txt", "requirements/*.txt")
_LOCKS: Final = ("pylock*.toml", "uv.lock", "poetry.lock", "pdm.lock")
_HASH: Final = re.compile(r"--hash[= ](\S+:[0-9a-fA-F]+)")
_INCLUDE: Final = re.compile(r"(?:-r|--requirement)[= ]?\s*(\S+)")
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]*")
_COMMENT: Final = re.compile(r"(?:^|\s)#.*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """One package in one version."""

    name: str
    """As indexes compare it: "jinja2"."""
    version: str
    where: str
    """The file that pins it, or "installed"."""
    hashes: tuple[str, ...] = ()
    """"sha256:…"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pins:
    """What the files of a project say."""

    dependencies: tuple[Dependency, ...] = ()
    files: tuple[str, ...] = ()
    """Those that pin anything."""
    loose: tuple[tuple[str, str], ...] = ()
    """Requirements without an exact version in a file of pinned ones, with the file."""
    wanted: tuple[str, ...] = ()
    """What pyproject.toml asks for, in its words."""
    unchecked: tuple[Unchecked, ...] = ()


def read_pins(folder: Path) -> Pins:
    """Read all files of a project."""
    reader = _Reader(folder)
    for pattern in _NAMES:
        for file in sorted(folder.glob(pattern)):
            reader.read_requirements(file)
    for pattern in _LOCKS:
        for file in sorted(folder.glob(pattern)):
            reader.read_lock(file)
    reader.read_project(folder / "pyproject.toml")
    return Pins(
        dependencies=tuple(reader.dependencies),
        files=tuple(dict.fromkeys(each.where for each in reader.dependencies)),
        loose=tuple(reader.loose),
        wanted=tuple(reader.wanted),
        unchecked=tuple(reader.unchecked),
    )


class _Reader:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._root = repository_of(folder)
        self._seen: set[str] = set()
        self.dependencies: list[Dependency] = []
        self.loose: list[tuple[str, str]] = []
        self.wanted: list[str] = []
        self.unchecked: list[Unchecked] = []

    def read_requirements(self, file: Path) -> None:
        real = os.path.realpath(file)  # unlike resolve(), no error where links lead in a circle
        if real in self._seen:
            return
        self._seen.add(real)
        where = self._where(file)
        for line in self._lines(file):
            if included := _INCLUDE.match(line):
                self.read_requirements(file.parent / included[1])
            elif line.startswith(("-e", "--editable", ".", "/")):
                self.loose.append((line.split()[-1], where))
            elif not line.startswith("-"):
                self._add(line, where)

    def read_lock(self, file: Path) -> None:
        """TOML with a table for each package; its name and version are called the same in all four formats."""
        content = self._toml(file)
        packages = content.get("packages") or content.get("package") or []
        for package in packages if isinstance(packages, list) else []:
            if not isinstance(package, Mapping):
                continue
            source = package.get("source")
            is_local = isinstance(source, Mapping) and bool(source.keys() & {"editable", "virtual", "directory"})
            if isinstance(package.get("version"), str) and not is_local:
                self._keep(
                    str(package.get("name", "")),
                    package["version"],
                    where=self._where(file),
                    hashes=tuple(dict.fromkeys(_hashes(package))),
                )

    def read_project(self, file: Path) -> None:
        project = self._toml(file).get("project") if file.exists() else None
        lines = project.get("dependencies") if isinstance(project, Mapping) else None
        where = self._where(file)
        for line in map(str, lines if isinstance(lines, list) else []):
            requirement = self._requirement(line, where)
            if requirement is not None:
                self.wanted.append(line)
                if "==" in line or "@" in line:
                    self._add(line, where)

    def _requirement(self, text: str, where: str) -> Requirement | None:
        try:
            return Requirement(text)
        except InvalidRequirement as error:
            self.unchecked.append(Unchecked(what=f"{where}: {text[:80]}", why=f"This is no requirement: {error}"))
            return None

    def _add(self, line: str, where: str) -> None:
        requirement = self._requirement(_HASH.sub("", line).strip(), where)
        if requirement is None:
            return
        version = exact_version(requirement)
        if version is None:
            self.loose.append((requirement.name, where))
        else:
            self._keep(requirement.name, version, where=where, hashes=tuple(_HASH.findall(line)))

    def _keep(self, name: str, version: str, *, where: str, hashes: tuple[str, ...]) -> None:
        if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
            self.unchecked.append(
                Unchecked(what=f"{where}: {name[:80]} {version[:80]}", why="This is no package in a version.")
            )
            return
        self.dependencies.append(Dependency(name=canonicalize_name(name), version=version, where=where, hashes=hashes))

    def _lines(self, file: Path) -> Iterator[str]:
        try:
            text = read_within(file, self._root)
        except NotReadError as error:
            self.unchecked.append(Unchecked(what=self._where(file), why=str(error)))
            return
        for line in text.replace("\\\n", " ").splitlines():
            if shown := _COMMENT.sub("", line).strip():
                yield shown

    def _toml(self, file: Path) -> Mapping[str, object]:
        try:
            return tomllib.loads(read_within(file, self._root))
        except NotReadError as error:
            self.unchecked.append(Unchecked(what=self._where(file), why=str(error)))
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            self.unchecked.append(Unchecked(what=self._where(file), why=f"The file cannot be read: {error}"))
        return {}

    def _where(self, file: Path) -> str:
        return str(file.relative_to(self._folder)) if file.is_relative_to(self._folder) else str(file)


def exact_version(requirement: Requirement) -> str | None:
    """The one version that a requirement allows, or None."""
    specifiers = list(requirement.specifier)
    if len(specifiers) != 1 or specifiers[0].operator not in {"==", "==="} or specifiers[0].version.endswith(".*"):
        return None
    return specifiers[0].version


def _hashes(package: Mapping[str, object]) -> Iterator[str]:
    """The hashes of a locked package: of its files in one list, or of its wheels and its source."""
    for key in ("files", "wheels", "sdist", "archive"):
        files = package.get(key)
        for file in [files] if isinstance(files, Mapping) else files if isinstance(files, list) else []:
            found = file.get("hash") if isinstance(file, Mapping) else None
            if isinstance(found, str):
                yield found
            elif isinstance(file, Mapping) and isinstance(file.get("hashes"), Mapping):
                yield from (f"{name}:{value}" for name, value in file["hashes"].items())
