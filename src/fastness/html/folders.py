"""Where templates are looked up: the first folder that has a name wins, so that an app's template takes the place of ours.

Ours stays there under `fastness/…`. The app's template can extend it and write one block, and is not left behind by the next
version of ours, as a copy is.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import jinja2

OWN_NAME: Final = "fastness/"
"""What stands before the names of our own templates, whoever has others of the same names."""

_PACKAGE: Final = Path(__file__).resolve().parent.parent


class TemplateFolders(jinja2.FileSystemLoader):
    """The templates of some folders; those of our own also by the name that nobody replaces."""

    def __init__(self, folders: Iterable[Path]) -> None:
        folders = list(folders)
        super().__init__(folders)
        self._own = jinja2.FileSystemLoader([each for each in folders if each.resolve().is_relative_to(_PACKAGE)])

    def get_source(self, environment: jinja2.Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        """Source, file, and whether that is still the newest."""
        if not template.startswith(OWN_NAME):
            return super().get_source(environment, template)
        try:
            return self._own.get_source(environment, template.removeprefix(OWN_NAME))
        except jinja2.TemplateNotFound:
            return super().get_source(environment, template)
