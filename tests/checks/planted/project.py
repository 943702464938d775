"""A project as `fastness new` makes it, deployed with care, and the tools to make one mistake in it."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from fastness.checks.lock import LOCK_FILE, entries_of, lock_text
from fastness.cli.checking import look_over, own_models
from fastness.cli.creating import create_project
from fastness.cli.keys import make_key
from fastness.cli.location import find_location, load_app
from fastness.kernel.findings import Finding

NAME = "planted"
REASON = "a reason that a reviewer can judge"

CAREFUL: Mapping[str, str] = {
    "FASTNESS_PROFILE": "production",
    "FASTNESS_HOSTS": "shop.example.com",
    "FASTNESS_PROXY_TRUSTED": "10.0.0.7",
    "FASTNESS_HEADERS_HSTS_PRELOAD": "true",
    "FASTNESS_MAIL_BACKEND": "smtp",
    "FASTNESS_MAIL_HOST": "smtp.example.com",
    "FASTNESS_MAIL_SENDER": "noreply@example.com",
}

# The framework's own routes leave protections out as well, and say why.
ALWAYS = frozenset({"FST-ROUTES-002"})


class Project:
    """The project's folder, which is the current one, and its environment."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        # Models of other tests live in the same process: what is found about them is not about the project.
        self.of_others = {model.__name__ for model in own_models()}
        self.folder = folder
        self._monkeypatch = monkeypatch

    def configure(self, **settings: str) -> None:
        """Set variables, without their prefix."""
        for name, value in settings.items():
            self._monkeypatch.setenv(f"FASTNESS_{name}", value)

    def unset(self, *names: str) -> None:
        for name in names:
            self._monkeypatch.delenv(f"FASTNESS_{name}")

    def write(self, name: str, text: str = "", *, mode: int = 0o600) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)
        return file

    def chmod(self, name: str, mode: int) -> None:
        (self.folder / name).chmod(mode)

    def replace(self, name: str, old: str, new: str) -> None:
        """Change one place of a file."""
        file = self.folder / name
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{name} has {old!r} {text.count(old)} times"
        file.write_text(text.replace(old, new), encoding="utf-8")

    def add_to_app(self, code: str) -> None:
        """Put code before the app is made."""
        self.replace(f"{NAME}/app.py", "app = Fastness(", f"{code}\n\napp = Fastness(")

    def lock(self) -> None:
        """Accept the routes as they are, as `fastness routes --matrix --write` does."""
        app = load_app(find_location())
        forget()
        (self.folder / LOCK_FILE).write_text(lock_text(entries_of(app.routes)), encoding="utf-8")

    def found(self) -> frozenset[str]:
        """The ids that `fastness check` finds."""
        findings = look_over(None).run.report.findings
        return frozenset(finding.id for finding in findings if not self._is_of_another_test(finding))

    def _is_of_another_test(self, finding: Finding) -> bool:
        return finding.id.startswith("FST-POLICIES") and str(finding.where).partition(" ")[0] in self.of_others


def make_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The project, deployed with care."""
    for name in [name for name in os.environ if name.startswith("FASTNESS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    create_project(NAME)
    folder = tmp_path / NAME
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for name, value in {**CAREFUL, "FASTNESS_SECRET_KEY": make_key()}.items():
        monkeypatch.setenv(name, value)
    return Project(folder, monkeypatch)


def forget() -> None:
    """Import the project's modules anew the next time."""
    for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
        del sys.modules[name]
