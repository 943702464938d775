"""The chart: one panel per piece of work, one bar per framework in its cheapest configuration. Plain SVG, light and dark."""

from html import escape
from typing import Any

Row = dict[str, Any]

_FRAMEWORKS = ("raw", "Fastness", "Litestar", "FastAPI", "Django")
_NAMES = {"raw": "by hand"}
_PANELS = (
    ("json", "JSON hello, secured"),
    ("page", "Secured page, 20 rows of user text"),
    ("form", "Form POST, answered with a redirect"),
    ("notes", "Secured page, 20 rows from the ORM"),
    ("insert", "Form POST that inserts a row"),
)
_WIDTH = 760
_LEFT = 96
_RIGHT = 150
_BAR = 18
_STEP = 26
_HEAD = 34
_GAP = 22
_TOP = 58

_STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2430; }
  .title { font-size: 16px; font-weight: 600; }
  .panel { font-weight: 600; }
  .quiet { fill: #5b6475; }
  .bar { fill: #b3bccb; }
  .ours { fill: #1f6f5c; }
  .limit { fill: #7f8aa0; }
  .paper { fill: #ffffff; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e7eaf1; }
    .quiet { fill: #9aa4b8; }
    .bar { fill: #4c566a; }
    .ours { fill: #4fc3a1; }
    .limit { fill: #7c879d; }
    .paper { fill: #14171e; }
  }
"""


def draw(rows: list[Row]) -> str:
    """The chart of all pieces of work that were measured."""
    parts: list[str] = []
    y = _TOP
    for work, title in _PANELS:
        bars = _cheapest(rows, work)
        if bars:
            parts.append(_panel(title, bars, y))
            y += _HEAD + _STEP * len(bars) + _GAP
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" width="{_WIDTH}" height="{y}" role="img"'
        ' aria-label="CPU time per request, by framework">'
    )
    paper = f'<rect class="paper" width="{_WIDTH}" height="{y}" rx="8"/>'
    title = '<text class="title" x="20" y="30">CPU time per request, µs: shorter is better</text>'
    quiet = '<text class="quiet" x="20" y="49">Each framework on the server and in the configuration where it is cheapest.</text>'
    return "\n".join([head, f"<style>{_STYLE}</style>", paper, title, quiet, *parts, "</svg>", ""])


def _cheapest(rows: list[Row], work: str) -> list[Row]:
    found = []
    for framework in _FRAMEWORKS:
        own = [row for row in rows if row["work"] == work and row["framework"] == framework]
        if own:
            found.append(min(own, key=lambda row: row["micros"]))
    return found


def _panel(title: str, bars: list[Row], top: int) -> str:
    longest = max(row["micros"] for row in bars)
    lines = [f'<text class="panel" x="20" y="{top + 20}">{escape(title)}</text>']
    for number, row in enumerate(bars):
        y = top + _HEAD + number * _STEP
        width = max(2.0, (_WIDTH - _LEFT - _RIGHT) * row["micros"] / longest)
        kind = {"Fastness": "ours", "raw": "limit"}.get(row["framework"], "bar")
        middle = y + _BAR // 2 + 5
        name = _NAMES.get(row["framework"], row["framework"])
        server = f'<tspan class="quiet" dx="6">{escape(row["server"])}</tspan>'
        lines += [
            f'<text x="{_LEFT - 10}" y="{middle}" text-anchor="end">{escape(name)}</text>',
            f'<rect class="{kind}" x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR}" rx="2"/>',
            f'<text x="{_LEFT + width + 8:.1f}" y="{middle}">{row["micros"]:,.0f}{server}</text>',
        ]
    return "\n".join(lines)
