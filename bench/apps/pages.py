"""The two templates of the benchmark for the applications that use Jinja2, compiled with autoescaping."""

from pathlib import Path

import jinja2

FOLDER = Path(__file__).parent / "templates"


def make_environment() -> jinja2.Environment:
    """A Jinja2 environment as a production application has it: escaping on, no look at the file's date on each request."""
    return jinja2.Environment(loader=jinja2.FileSystemLoader(FOLDER), autoescape=True, auto_reload=False)
