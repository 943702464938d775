"""`new`: a project that runs, passes its own tests, and has a secret key that nobody else has.

The template is a folder of text files beside this one; three words in them are replaced. Nothing that is there already is
written over. The secret goes into `.env`, which is made for its owner only and which Git is told to leave out.

ASVS 5.0: V11.5.1 (the key comes from a CSPRNG), V13.3.1 (not in the code), V13.2.3 (no default credentials).
"""

import re
import shutil
import sys
from pathlib import Path
from typing import Final

from fastness import __version__
from fastness.cli.errors import CommandError
from fastness.cli.keys import KEY, make_key
from fastness.cli.terminal import paint, say
from fastness.settings.envfile import create_env_file
from fastness.settings.sources import ENV_FILE

TEMPLATE: Final = Path(__file__).parent / "project"
SUFFIX: Final = ".in"
"""At the end of every file's name, so that nothing here is mistaken for code of our own."""

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_MAX_NAME_LENGTH: Final = 32


def create_project(name: str) -> None:
    """Make the project's folder below the current one."""
    if len(name) > _MAX_NAME_LENGTH or _NAME.fullmatch(name) is None:
        raise CommandError(
            f"A project's name has up to {_MAX_NAME_LENGTH} lower-case letters, digits and single hyphens, and begins with "
            "a letter."
        )
    folder = Path.cwd() / name
    if folder.exists() or folder.is_symlink():
        raise CommandError(f"{folder} is there already.")
    words = {"@PROJECT@": name, "@PACKAGE@": package_of(name), "@VERSION@": __version__}
    folder.mkdir()
    for source in sorted(TEMPLATE.rglob(f"*{SUFFIX}")):
        target = folder / target_of(source.relative_to(TEMPLATE), words["@PACKAGE@"])
        target.parent.mkdir(parents=True, exist_ok=True)
        text = source.read_text(encoding="utf-8")
        for mark, word in words.items():
            text = text.replace(mark, word)
        target.write_text(text, encoding="utf-8", newline="\n")
    create_env_file(folder / ENV_FILE, {"FASTNESS_PROFILE": "development", KEY: make_key()})
    say(f"Made {paint(name, bold=True)}. Its two commands:\n")
    say(f"  cd {name}\n  make dev{_python_option()}\n  make test{_python_option()}")


def package_of(name: str) -> str:
    """The name of the project's package; one that Python itself uses gets an ending."""
    package = name.replace("-", "_")
    return f"{package}_app" if package in {*sys.stdlib_module_names, "fastness", "tests"} else package


def target_of(path: Path, package: str) -> Path:
    """Where a file of the template goes."""
    parts = [package if part == "PACKAGE" else part for part in path.parts]
    parts[-1] = parts[-1].removesuffix(SUFFIX)
    return Path(*(f".{part.removeprefix('dot-')}" if part.startswith("dot-") else part for part in parts))


def _python_option() -> str:
    """What to add where `python3` is not the Python that has Fastness."""
    found = shutil.which("python3")
    # Not resolved: the interpreter of a virtual environment is a link to the one it was made from.
    is_own = found is not None and Path(found).parent == Path(sys.executable).parent
    return "" if is_own else f" PYTHON={sys.executable}"
