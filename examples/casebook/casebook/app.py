"""The app: its settings, its pages, its look."""

from pathlib import Path

from casebook.cases import routes
from fastness import Fastness, Settings

HERE = Path(__file__).parent

app = Fastness(
    Settings.load(project="casebook"),
    routes=[routes],
    templates=HERE / "templates",
    static=HERE / "static",
)
