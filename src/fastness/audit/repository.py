"""What a repository holds that should never be in one, and whether its Python still gets repairs.

Git is asked which files it tracks; their beginnings are read, their contents never shown. A folder that no repository holds
tracks nothing. ASVS 5.0: V13.3.1 (secrets not in source control), V15.2.1 (components with support).
"""

import fnmatch
import re
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

from fastness.audit.outcome import Outcome
from fastness.audit.programs import ProgramError, run_program
from fastness.audit.reading import NotReadError, read_within
from fastness.audit.secrets import known_secret
from fastness.kernel.findings import Finding, Notice, Severity, Topic
from fastness.kernel.report import Unchecked

TRACKED_ENV: Final = Notice(
    id="FST-REPOSITORY-001",
    severity=Severity.CRITICAL,
    title="A file of settings with secrets is in the repository",
    why="Everybody with a copy of the repository has the secret key, and its history keeps it.",
    fix="Run git rm --cached, put the name into .gitignore, and make new secrets: fastness keys rotate, then keys retire.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V13.3.1",),
)
TRACKED_KEY: Final = Notice(
    id="FST-REPOSITORY-002",
    severity=Severity.CRITICAL,
    title="A private key is in the repository",
    why="Everybody with a copy of the repository can be whom the key stands for.",
    fix="Replace the key where it is used, and keep the new one out of the repository.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V13.3.1",),
)
TRACKED_DATABASE: Final = Notice(
    id="FST-REPOSITORY-003",
    severity=Severity.HIGH,
    title="A database is in the repository",
    why="It holds what people entrusted to the app, their password hashes and sessions, in every copy and for ever.",
    fix="Run git rm --cached, put the name into .gitignore, and make sample data with a seed.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V14.2.4",),
)
IGNORED_NOT: Final = Notice(
    id="FST-REPOSITORY-004",
    severity=Severity.MEDIUM,
    title="Git does not ignore .env",
    why="The next git add . puts the secret key into the repository.",
    fix="Write a line .env into .gitignore.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V13.3.1",),
)
OLD_PYTHON: Final = Notice(
    id="FST-REPOSITORY-005",
    severity=Severity.HIGH,
    title="This version of Python gets no security repairs any more",
    why="Its known holes stay open.",
    fix="Install a supported version of Python, and raise requires-python.",
    topic=Topic.COMPONENTS,
    asvs=("V15.2.1",),
)
ENDING_PYTHON: Final = Notice(
    id="FST-REPOSITORY-006",
    severity=Severity.LOW,
    title="This version of Python will soon get no security repairs any more",
    why="A new version needs time to be tried.",
    fix="Plan for a newer version of Python.",
    topic=Topic.COMPONENTS,
    asvs=("V15.2.1",),
)

TRACKED_SECRET: Final = Notice(
    id="FST-REPOSITORY-007",
    severity=Severity.CRITICAL,
    title="A file in the repository has a secret",
    why="Everybody with a copy of the repository has it, and deleting the line does not take it back.",
    fix="Make a new one where it came from, and keep that in the environment or a secrets folder.",
    topic=Topic.CRYPTOGRAPHY,
    asvs=("V13.3.1",),
)

NOTICES: Final = (
    TRACKED_ENV,
    TRACKED_KEY,
    TRACKED_DATABASE,
    IGNORED_NOT,
    OLD_PYTHON,
    ENDING_PYTHON,
    TRACKED_SECRET,
)

# "End of life" in each version's release schedule (PEP 619, 664, 693, 719, 745, 790), which names a month; read 2026-11-22.
ENDS: Final = {
    (3, 10): date(2026, 10, 31),
    (3, 11): date(2027, 10, 31),
    (3, 12): date(2028, 10, 31),
    (3, 13): date(2029, 10, 31),
    (3, 14): date(2030, 10, 31),
    (3, 15): date(2031, 10, 31),
}
_SOON_DAYS: Final = 180
_ENV_NAMES: Final = (".env", ".env.*", "*.env")
_ENV_SAMPLES: Final = re.compile(r"(?:example|sample|template|dist|defaults?)(?:$|[._-])", re.IGNORECASE)
_KEY: Final = re.compile(rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----")
_KEY_NAMES: Final = ("*.pem", "*.key", "*.p8", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519")
_SQLITE: Final = b"SQLite format 3\x00"
_HEAD_BYTES: Final = 4096
_MAX_TEXT_BYTES: Final = 1_000_000
_SECONDS: Final = 60
_NO_REMOTES: Final = {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0"}


def audit_repository(folder: Path, *, today: date, python: tuple[int, int] = sys.version_info[:2]) -> Outcome:
    """Look at what is tracked below a folder, and at the Python that runs this."""
    findings = [*_python(python, today)]
    unchecked: list[Unchecked] = []
    try:
        for name in tracked_files(folder):
            if _is_any(Path(name).name, _ENV_NAMES) and not _ENV_SAMPLES.search(Path(name).name):
                findings.append(TRACKED_ENV.found(where=name))
            try:
                findings += [*_contents(folder, name)]
            except OSError as error:
                unchecked.append(Unchecked(what=name, why=f"The file cannot be read: {error.strerror}."))
        if not _ignores_env(folder):
            findings.append(IGNORED_NOT.found(where=".gitignore"))
    except ProgramError as error:
        unchecked.append(Unchecked(what="The files that git tracks", why=str(error)))
    return Outcome(findings=tuple(findings), unchecked=tuple(unchecked))


def tracked_files(folder: Path) -> tuple[str, ...]:
    """The files below a folder that git tracks; raises `ProgramError`."""
    if not _is_in_repository(folder):
        return ()
    return tuple(name for name in _git(folder, "ls-files", "-z").split("\0") if name)


def _is_in_repository(folder: Path) -> bool:
    return any((each / ".git").exists() for each in (folder, *folder.parents))


def _ignores_env(folder: Path) -> bool:
    """Whether git leaves .env out; without a repository, whether the file beside it would say so."""
    if _is_in_repository(folder):
        return bool(_git(folder, "check-ignore", "--no-index", ".env", accepts=(0, 1)).strip())
    try:
        lines = read_within(folder / ".gitignore", folder.resolve()).splitlines()
    except NotReadError:
        return not (folder / ".env").exists()
    return any(fnmatch.fnmatch(".env", line.strip().lstrip("/")) for line in lines if line.strip())


def _git(folder: Path, *arguments: str, accepts: tuple[int, ...] = (0,)) -> str:
    # A repository's own settings may name programs for git to run here: these are on the way of ls-files, the second where
    # the index is sparse and the missing part is fetched from a remote of the repository's choice.
    ran = run_program(
        ["git", "-c", "core.fsmonitor=false", *arguments], folder=folder, seconds=_SECONDS, environment=_NO_REMOTES
    )
    if ran.code not in accepts:
        raise ProgramError(f"git: {ran.complaint}")
    return ran.output


def _contents(folder: Path, name: str) -> Iterator[Finding]:
    file = folder / name
    if file.is_symlink() or not file.is_file():
        return  # git keeps where a link leads, not what is there; a pipe in the place of a file would be waited for
    with file.open("rb") as opened:
        head = opened.read(_HEAD_BYTES)
        rest = opened.read(_MAX_TEXT_BYTES)
    if head.startswith(_SQLITE):
        yield TRACKED_DATABASE.found(where=name)
    elif _KEY.search(head) and (_is_any(file.name, _KEY_NAMES) or _KEY.match(head.lstrip())):
        yield TRACKED_KEY.found(where=name)
    # Python files are read by the rules about source, which tell the line.
    elif not name.endswith(".py") and (what := known_secret((head + rest).decode("utf-8", "replace"))):
        yield TRACKED_SECRET.found(where=name, detail=f"It has {what}. {TRACKED_SECRET.why}")


def _is_any(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def _python(version: tuple[int, int], today: date) -> Iterator[Finding]:
    name = f"Python {version[0]}.{version[1]}"
    end = ENDS.get(version, date.min if version < min(ENDS) else date.max)
    if today > end:
        yield OLD_PYTHON.found(where=name)
    elif (end - today).days < _SOON_DAYS:
        yield ENDING_PYTHON.found(where=name, detail=f"Security repairs end in {end:%Y-%m}. {ENDING_PYTHON.why}")
