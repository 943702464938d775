"""The benchmark's venvs: one per framework in `.bench/`, installed with pip from hash-pinned requirement files.

`python -m bench.setup` makes or renews them; `python -m bench.setup --lock` resolves the requirement files again (it needs
uv). A venv is renewed when its file or the interpreter has changed.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
VENVS = ROOT / ".bench"

NAMES = ("raw", "fastness", "litestar", "fastapi", "django")
PREFERRED = (3, 13)
OLDEST = {"django": (3, 12)}
"""Django 6.1 needs a newer Python than the rest; without one it is left out and the table says so."""

_PROJECT = {"fastness": "pyproject.toml"}
_STAMP = "bench-stamp.txt"
_SHOW_VERSION = "import sys; print(*sys.version_info[:2])"


class SetupError(Exception):
    """A venv cannot be made."""


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Wait until no other run uses the venvs and databases: two at a time would measure each other."""
    VENVS.mkdir(exist_ok=True)
    with (VENVS / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("waiting for another run of the benchmark to end", file=sys.stderr, flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def ensure(names: tuple[str, ...] = NAMES) -> dict[str, Path]:
    """Make or renew these venvs; returns the interpreters by name, without those that this machine's Python cannot run."""
    python, version = find_python()
    made = {}
    for name in names:
        if version >= OLDEST.get(name, (3, 11)):
            made[name] = _ensure_one(name, python)
        else:
            print(f"{name}: left out, it needs Python {'.'.join(map(str, OLDEST[name]))}", file=sys.stderr)
    return made


def find_python() -> tuple[str, tuple[int, int]]:
    """The interpreter to make the venvs with: the one `BENCH_PYTHON` names, else 3.13 if there is one, else this one."""
    named = os.environ.get("BENCH_PYTHON")
    if named:
        version = _version_of(named)
        if version is None:
            raise SetupError(f"BENCH_PYTHON={named} does not start")
        return named, version
    for candidate in _candidates():
        if _version_of(candidate) == PREFERRED:
            return candidate, PREFERRED
    return _own_python(), sys.version_info[:2]


def _candidates() -> Iterator[str]:
    yield _own_python()
    name = "python{}.{}".format(*PREFERRED)
    found = shutil.which(name)
    if found:
        yield found
    roots = (Path.home() / ".pyenv" / "versions", Path.home() / ".local" / "share" / "uv" / "python")
    for root in roots:
        yield from (str(path) for path in sorted(root.glob(f"*{PREFERRED[0]}.{PREFERRED[1]}*/bin/{name}")))


def _own_python() -> str:
    # Of the interpreter beneath a venv: a venv made from a venv would follow that one's deletion.
    return str(Path(sys.base_prefix) / "bin" / "python3") if sys.prefix != sys.base_prefix else sys.executable


def _version_of(python: str) -> tuple[int, int] | None:
    try:
        shown = subprocess.run([python, "-c", _SHOW_VERSION], capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    major, minor = shown.stdout.split()
    return int(major), int(minor)


def _ensure_one(name: str, python: str) -> Path:
    folder = VENVS / name
    requirements = HERE / f"requirements-{name}.txt"
    # By its real path: a venv's python and the one beneath it are the same.
    stamp = f"{Path(python).resolve()}\n{hashlib.sha256(requirements.read_bytes()).hexdigest()}\n"
    own = folder / "bin" / "python"
    marker = folder / _STAMP
    if marker.exists() and marker.read_text() == stamp:
        return own
    print(f"{name}: installing into {folder.relative_to(ROOT)}", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    pip = [str(own), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    result = subprocess.run([*pip, "-r", str(requirements)], capture_output=True, text=True, check=False)
    if result.returncode:
        raise SetupError(f"{name}: pip failed\n{result.stdout}{result.stderr}")
    marker.write_text(stamp)
    return own


def lock() -> None:
    """Resolve all requirement files again, for every platform and Python, without addresses of registries."""
    for name in NAMES:
        oldest = ".".join(map(str, OLDEST.get(name, (3, 11))))
        sources = [*([_PROJECT[name]] if name in _PROJECT else []), f"bench/requirements-{name}.in"]
        target = f"bench/requirements-{name}.txt"
        command = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", oldest, "--upgrade"]
        command += ["--generate-hashes", "--no-emit-index-url", "--no-header", *sources, "--output-file", target]
        subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    if "--lock" in sys.argv[1:]:
        lock()
    else:
        with alone():
            for name, python in ensure().items():
                print(f"{name}: {python}")
