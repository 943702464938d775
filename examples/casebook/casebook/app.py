"""The app: its settings, its pages, its look."""

from pathlib import Path

from casebook import cases, fees, offices
from casebook.api import api
from fastness import Fastness, Settings, access

HERE = Path(__file__).parent

app = Fastness(
    Settings.load(project="casebook"),
    routes=[cases.routes, fees.routes, offices.routes],
    templates=HERE / "templates",
    static=HERE / "static",
)
app.mount("/api", api, access=access.signed_in)
