"""Fetches the JavaScript libraries that the browser tests load into pages: htmx, Turbo, Alpine's CSP build, axe-core.

npm is asked for one exact version each, no script of a package is run, and of each package one file is taken, whose
SHA-256 must be the one written here: what the tests prove about the default policy, they prove about these very bytes.
The files lie in a folder that git ignores; with all of them there, nothing is fetched.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / ".browser-libraries"


@dataclass(frozen=True, kw_only=True)
class Library:
    """One file of one version of a package."""

    package: str
    version: str
    file: str
    sha256: str
    saved_as: str


LIBRARIES = (
    Library(
        package="htmx.org",
        version="2.0.11",
        file="dist/htmx.min.js",
        sha256="d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717",
        saved_as="htmx.js",
    ),
    Library(
        package="@hotwired/turbo",
        version="8.0.23",
        file="dist/turbo.es2017-umd.js",
        sha256="f9e09e3a3093874fe56d5341ca3594ac959f8b097c9b6171a5b37838da3aec81",
        saved_as="turbo.js",
    ),
    Library(
        package="@alpinejs/csp",
        version="3.17.4",
        file="dist/cdn.min.js",
        sha256="0d18d7f8d7910e2e0212f0f056b12f50bebc3abb7d88d2f7c7cb4c336fe4519a",
        saved_as="alpine.js",
    ),
    Library(
        package="axe-core",
        version="4.14.1",
        file="axe.min.js",
        sha256="29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c",
        saved_as="axe.js",
    ),
)


class FetchError(Exception):
    """A library could not be had, or is not the one that was pinned; the message says what to do."""


def main() -> int:
    """Fetch all of them, or say in one line why not."""
    try:
        folder = fetch_all()
    except FetchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{len(LIBRARIES)} libraries in {folder.name}")
    return 0


def fetch_all(folder: Path = FOLDER) -> Path:
    """Return the folder that holds every library as its `saved_as`, after fetching what is missing."""
    folder.mkdir(exist_ok=True)
    for library in LIBRARIES:
        there = folder / library.saved_as
        if not there.exists() or hashlib.sha256(there.read_bytes()).hexdigest() != library.sha256:
            _save(_fetch(library), there)
    return folder


def _fetch(library: Library) -> bytes:
    npm = shutil.which("npm")
    if npm is None:
        how = "brew install node" if sys.platform == "darwin" else "sudo apt-get install --no-install-recommends npm"
        message = f"npm fetches the JavaScript libraries of the browser tests and was not found; please run: {how}"
        raise FetchError(message)
    name = f"{library.package}@{library.version}"
    with tempfile.TemporaryDirectory() as work:
        command = [npm, "pack", "--silent", "--ignore-scripts", "--pack-destination", work, name]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
        archives = list(Path(work).glob("*.tgz"))
        if done.returncode or len(archives) != 1:
            message = f"npm could not fetch {name}: {done.stderr.strip()}"
            raise FetchError(message)
        with tarfile.open(archives[0]) as archive:
            member = archive.extractfile(f"package/{library.file}")
            content = member.read() if member else b""
    found = hashlib.sha256(content).hexdigest()
    if found != library.sha256:
        message = (
            f"{library.file} of {name} has SHA-256 {found}, and {library.sha256} was expected: it is not to be trusted"
        )
        raise FetchError(message)
    return content


def _save(content: bytes, there: Path) -> None:
    """Write beside and rename: two workers may fetch at once."""
    beside = there.with_name(f"{there.name}.{os.getpid()}")
    beside.write_bytes(content)
    beside.replace(there)


if __name__ == "__main__":
    sys.exit(main())
