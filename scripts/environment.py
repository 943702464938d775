"""Makes a virtual environment that holds exactly the pinned packages, however the last attempt ended.

Run by make with whatever Python the machine has, so this file uses the standard library only.
An environment is kept while its stamps fit; a stamp is a digest of the interpreter, the place and a requirement file.
It says "started" until its step has ended well: an environment that was interrupted, is somebody else's or is old is made again.
pip installs with hashes and takes wheels only, so nothing that the lock did not name runs on the developer's machine.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
# Raised when the way an environment is made changes, so that existing ones are made again.
RECIPE = 1
STARTED = "started"
# pip settings of the user's machine that would install somewhere else; mirrors and proxies stay as they are.
MISLEADING = ("PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV", "PIP_ROOT", "PIP_TARGET", "PIP_USER", "PYTHONHOME", "PYTHONPATH")


def main() -> int:
    """Make or repair the environment named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the environment, for example .venv")
    parser.add_argument(
        "requirements", type=Path, nargs="+", help="files of hash-pinned requirements; later ones build on earlier"
    )
    parser.add_argument("--editable", action="store_true", help="install this project itself, editable")
    arguments = parser.parse_args()
    if sys.version_info < OLDEST:
        return _refuse(
            f"Python 3.11 or newer is needed and this is {platform.python_version()}: make PYTHON=/path/to/python3.13"
        )
    folder = arguments.folder.absolute()
    with _alone(folder):
        return _bring_up(folder, arguments.requirements, is_editable=arguments.editable)


def _bring_up(folder: Path, requirements: list[Path], *, is_editable: bool) -> int:
    """Do the least that makes the environment right; each stamp is the proof that one step ended well."""
    foundation = _digest()
    if _stamp(folder, "foundation") != foundation or not _is_alive(folder):
        _say(f"making {folder.name}")
        _remove(folder)
        if not _create(folder):
            return 1
        _write_stamp(folder, "foundation", foundation)
    for file in requirements:
        if _stamp(folder, file.stem) == _digest(file):
            continue
        if _stamp(folder, file.stem):  # half installed, or by another lock: nothing of that may stay behind
            _say(f"{file} changed, or its installation was interrupted")
            _remove(folder)
            return _bring_up(folder, requirements, is_editable=is_editable)
        _say(f"installing {file}")
        _write_stamp(folder, file.stem, STARTED)
        # What is never imported need not be compiled, which takes a third of the time; Python compiles the rest.
        how = ("--require-hashes", "--only-binary", ":all:", "--no-compile")
        if _pip(folder, "install", *how, "--requirement", str(file)):
            return 1
        _write_stamp(folder, file.stem, _digest(file))
    project = ROOT / "pyproject.toml"
    if is_editable and _stamp(folder, "project") != _digest(project):
        if _pip(folder, "install", "--no-deps", "--no-build-isolation", "--no-index", "--editable", str(ROOT)):
            return 1
        _write_stamp(folder, "project", _digest(project))
    return 0


def _create(folder: Path) -> bool:
    done = subprocess.run([sys.executable, "-m", "venv", str(folder)], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return True
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
    if _has_venv():
        _refuse(done.stderr.strip() or done.stdout.strip())
        return False
    package = "python{}.{}-venv".format(*sys.version_info)
    if not shutil.which("apt-get"):
        _refuse("this Python has no ensurepip; install a complete one and name it: make PYTHON=/path/to/python3.13")
        return False
    if os.geteuid() != 0:
        _refuse(f"this Python cannot make environments yet, please run: sudo apt-get install {package}")
        return False
    _say(f"installing {package}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], env=quiet, check=False)
    subprocess.run(
        ["apt-get", "install", "-qq", "--no-install-recommends", package], env=quiet, check=True, stdout=sys.stderr
    )
    return subprocess.run([sys.executable, "-m", "venv", str(folder)], check=False).returncode == 0


def _has_venv() -> bool:
    """Ask a fresh interpreter: Debian splits ensurepip out of its Python."""
    return (
        subprocess.run([sys.executable, "-c", "import ensurepip, venv"], capture_output=True, check=False).returncode
        == 0
    )


def _is_alive(folder: Path) -> bool:
    """A stamped environment may still have lost its interpreter (an upgraded or removed Python) or its pip."""
    python = folder / "bin" / "python"
    if not python.exists():
        return False
    done = subprocess.run([str(python), "-I", "-c", "import pip"], capture_output=True, check=False)
    return done.returncode == 0


def _pip(folder: Path, *words: str) -> int:
    clean = {name: value for name, value in os.environ.items() if name not in MISLEADING}
    command = [str(folder / "bin" / "python"), "-I", "-m", "pip", "--disable-pip-version-check", "--no-input"]
    return subprocess.run([*command, *words, "--quiet"], env=clean, check=False).returncode


def _digest(*files: Path) -> str:
    """Everything that decides what the environment is: the recipe, the interpreter, the place, the files."""
    base = [RECIPE, sys.version, os.path.realpath(sys.executable), str(ROOT)]
    contents = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    return hashlib.sha256(json.dumps(base + contents).encode()).hexdigest()


def _stamp(folder: Path, name: str) -> str:
    try:
        return (folder / (".fastness-" + name)).read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""


def _write_stamp(folder: Path, name: str, digest: str) -> None:
    unfinished = folder / ".fastness-unfinished"
    unfinished.write_text(digest, encoding="ascii")
    unfinished.replace(folder / (".fastness-" + name))


def _remove(folder: Path) -> None:
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two makes at once (make -j, two terminals) wait for each other instead of sharing a half-made environment."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(folder.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _say(text: str) -> None:
    print("· " + text, file=sys.stderr, flush=True)


def _refuse(text: str) -> int:
    print("error: " + text, file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
