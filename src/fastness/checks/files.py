"""Who can read the secrets, who can replace the code, and what lies where every visitor can fetch it.

The machine may hold other people, or one other service that was broken into. Looked at are names and modes, never contents.
Where there are no modes of this kind (Windows) nothing is said.

ASVS 5.0: V13.3.2 (least access to secrets), V13.2.2 (least privilege), V13.4.1 and V13.4.7 (what is served).
"""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fastness.auditlog.opening import audit_url
from fastness.checks.check import Deployment, has_mode
from fastness.checks.storage import sqlite_file
from fastness.kernel.findings import Finding, Notice, Severity, Topic
from fastness.kernel.pythonfiles import python_files
from fastness.settings.sources import ENV_FILE, PREFIX

READABLE_SECRET: Final = Notice(
    id="FST-FILES-003",
    severity=Severity.MEDIUM,
    title="Others on this machine can read a secret",
    why="Whoever gets into any other account of the machine has it.",
    fix="chmod 600 the file, or give it to the app's account only.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V13.3.2",),
)
WRITABLE: Final = Notice(
    id="FST-FILES-004",
    severity=Severity.HIGH,
    title="Others on this machine can replace what the app runs or keeps",
    why="Whoever may write there runs code in the app, or puts a database of their own in the place of yours.",
    fix="chmod o-w the file or folder that is named, and see whose it is.",
    topic=Topic.INTEGRITY,
    asvs=("V13.2.2", "V13.3.2"),
)
SERVED_SECRET: Final = Notice(
    id="FST-FILES-005",
    severity=Severity.CRITICAL,
    title="Secrets or data lie among the static files",
    why="Every visitor can fetch what lies there.",
    fix="Move it out of the static folder. If the app was online, replace the keys and count the data as read.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V13.4.7", "V13.3.2"),
)
SERVED_LEFTOVER: Final = Notice(
    id="FST-FILES-006",
    severity=Severity.MEDIUM,
    title="A static file looks as if it was not meant for everybody",
    why="Sources, keys, dumps and copies of editors are what attackers ask every site for.",
    fix="Remove it from the static folder, or give it the ending of what it is.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V13.4.1", "V13.4.7"),
)

NOTICES: Final = (READABLE_SECRET, WRITABLE, SERVED_SECRET, SERVED_LEFTOVER)

# Endings of code, keys, databases, settings, logs, and of what editors and people leave behind.
_LEFTOVERS: Final = (
    ".bak", ".cfg", ".db", ".dump", ".env", ".ini", ".ipynb", ".jks", ".kdbx", ".key", ".log", ".old", ".orig", ".p12",
    ".pem", ".pfx", ".py", ".pyc", ".rej", ".sql", ".sqlite", ".sqlite3", ".swp", ".toml", "~", "id_rsa", "id_ed25519",
)  # fmt: skip


def check_secret_files(deployment: Deployment) -> Iterator[Finding]:
    """Who can read a secrets folder and the key of the certificate; `.env` is looked at by itself."""
    files = [] if deployment.tls_key is None else [deployment.tls_key]
    folder = deployment.secrets_folder
    if folder is not None and folder.is_dir():
        files += sorted(file for file in folder.iterdir() if file.name.upper().startswith(PREFIX))
    for file in files:
        if has_mode(file, stat.S_IROTH):
            yield READABLE_SECRET.found(where=str(file))


def check_writable(deployment: Deployment) -> Iterator[Finding]:
    """Whether others can write where the app's code and data lie."""
    trusted = [deployment.folder, deployment.folder / "pyproject.toml"]
    trusted += [file.parent for file in _data_files(deployment)]
    trusted += [*deployment.sources, *(each for each in (deployment.static, deployment.migrations) if each is not None)]
    for source in deployment.sources:
        for file in python_files(source):
            trusted += [file.parent, file.parent / "__pycache__", file]
    if deployment.template_folder is not None:
        # A template is a program, and what was compiled of it lies beside it.
        trusted += [deployment.template_folder, *sorted(deployment.template_folder.rglob("*"))]
    for path in dict.fromkeys(trusted):
        if has_mode(path, stat.S_IWOTH):
            yield WRITABLE.found(where=str(path))


def check_static(deployment: Deployment) -> Iterator[Finding]:
    """What lies in the static folder beside what belongs there."""
    static = deployment.static
    if static is None or not static.is_dir():
        return
    root = static.resolve()
    secrets = [deployment.folder / ENV_FILE, *_data_files(deployment)]
    secrets += [each for each in (deployment.secrets_folder, deployment.tls_key) if each is not None]
    inside = {path.resolve() for path in secrets if path.exists() and path.resolve().is_relative_to(root)}
    for path in sorted(inside):
        yield SERVED_SECRET.found(where=str(path))
    for file in sorted(root.rglob("*")):
        # Hidden files are not served.
        is_hidden = any(part.startswith(".") for part in file.relative_to(root).parts)
        if not is_hidden and file not in inside and file.name.lower().endswith(_LEFTOVERS) and file.is_file():
            yield SERVED_LEFTOVER.found(where=str(file))


def _data_files(deployment: Deployment) -> list[Path]:
    settings = deployment.settings
    audit = audit_url(settings.audit, database_url=settings.database_url, store_url=settings.store_url)
    urls = (settings.database_url, settings.store_url, audit or "")
    return [file for url in urls if (file := sqlite_file(url, deployment.folder)) is not None]
