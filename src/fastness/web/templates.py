"""Templates: Jinja2, always escaping, strict about names.

`escape` is on for every template whatever its file name, an undefined name raises instead of printing nothing, and templates
come from folders only, never from a string that a request could have influenced (server-side template injection, CWE-1336).
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jinja2


class Templates:
    """The templates of an app, loaded and compiled at first use."""

    __slots__ = ("_environment", "_loaded", "_reloads")

    def __init__(self, folders: Iterable[Path], *, reloads: bool) -> None:
        self._reloads = reloads
        self._loaded: dict[str, jinja2.Template] = {}
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(list(folders)),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            auto_reload=reloads,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def render(self, name: str, context: Mapping[str, Any]) -> str:
        """The page that the template makes of `context`."""
        template = self._loaded.get(name)
        if template is None:
            template = self._environment.get_template(name)
            if not self._reloads:
                self._loaded[name] = template
        return template.render(context)
