"""The goals, and what a run came to: the design's budget as a table, met or not."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]

USUAL = {"Litestar": "litestar-orm-uvicorn", "FastAPI": "fastapi-async-uvicorn", "Django": "django-wsgi"}
"""The configuration that a project of that framework usually has."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One goal and the figure it is compared with."""

    goal: str
    figure: str
    is_met: bool
    note: str = ""


def outcomes(results: Row) -> list[Outcome]:
    """All goals for which this run has a figure."""
    return [
        *_cpu(results.get("cpu", [])),
        *_times(results),
        *_matching(results.get("matching", [])),
        *_templates(results),
        *_evenness(results.get("evenness", [])),
    ]


def _cpu(rows: list[Row]) -> Iterator[Outcome]:
    found = {(row["contender"], row["work"]): row for row in rows}
    limits = (
        ("Secured page, times hand-written", "page", {"uvicorn": 1.25, "granian": 1.25}),
        ("Secured JSON, times hand-written without security", "json", {"granian": 1.6, "uvicorn": 2.3}),
        ("Form POST, times hand-written", "form", {"uvicorn": 1.5, "granian": 1.5}),
    )
    for title, work, by_server in limits:
        for server, limit in by_server.items():
            ours = found.get((f"fastness-{server}", work))
            if ours and ours["to_raw"]:
                times = ours["to_raw"]["median"]
                yield Outcome(f"{title}, {server}: at most {limit}", f"{times:.2f}", times <= limit)
    for framework, least in (("Litestar", 3), ("FastAPI", 4), ("Django", 8)):
        yield from _beside(rows, framework, "page", "Secured page", least)
    for framework in ("Litestar", "FastAPI"):
        yield from _beside(rows, framework, "json-bare", "JSON hello with no security", 1)
    for work, title in (("notes", "Page with rows from the ORM"), ("insert", "POST that inserts")):
        yield from _beside(rows, "Django", work, title, 1)


def _beside(rows: list[Row], framework: str, work: str, title: str, least: float) -> Iterator[Outcome]:
    own = [row for row in rows if (row["framework"], row["work"]) == (framework, work) and row["to_fastness"]]
    if not own:
        return
    cheapest = min(own, key=lambda row: row["to_fastness"]["median"])
    usual = next((row for row in own if row["contender"] == USUAL[framework]), cheapest)
    times = usual["to_fastness"]["median"]
    note = f"cheapest ({cheapest['label']}, {cheapest['server']}): {cheapest['to_fastness']['median']:.2f}"
    wanted = f"at least {least} times Fastness's" if least > 1 else "no cheaper than Fastness's"
    yield Outcome(f"{title}, {usual['label']}: {wanted}", f"{times:.2f}", times >= least, note)


def _times(results: Row) -> Iterator[Outcome]:
    for row in results.get("signin", []):
        if row["contender"].startswith("fastness"):
            for what in ("page", "json"):
                figure = row[f"{what}_p99_ms"]
                title = f"{what.upper() if what == 'json' else 'Page'} p99 while twenty sign in, {row['server']}: at most 5 ms"
                yield Outcome(title, f"{figure:.1f} ms", figure <= 5)
    for row in results.get("startup", []):
        limit = {"hello-fastness-uvicorn": 250, "hello-fastness-granian": 250, "demo-granian": 600}.get(
            row["contender"]
        )
        if limit is not None:
            figure = row["milliseconds"]
            title = f"First response, {row['label']}, {row['server']}: at most {limit} ms"
            yield Outcome(title, f"{figure:.0f} ms", figure <= limit)


def _matching(rows: list[Row]) -> Iterator[Outcome]:
    for row in rows:
        if row["framework"] == "fastness":
            figures = list(row["micros"].values())
            growth = figures[-1] - figures[0]
            # Half a microsecond is what the same measurement differs by from one run to the next.
            yield Outcome("Route 500 costs what route 1 costs", f"{growth:+.1f} µs", growth < 0.5)


def _templates(results: Row) -> Iterator[Outcome]:
    found = results.get("templates")
    if not found:
        return
    # Of both kinds of values the one that plain Jinja2 is faster with.
    ratios = [row["ratio"]["median"] for row in found["render"] if row["values"] == "objects"]
    mean = statistics.geometric_mean(ratios)
    yield Outcome(
        "Rendering, five shapes, times plain Jinja2: at most 0.8", f"{mean:.2f}", mean <= 0.8, "geometric mean"
    )
    yield Outcome("Rendering, the slowest shape: at most 1.0", f"{max(ratios):.2f}", max(ratios) <= 1)
    for row in found["compile"]:
        times = row["ratio"]["median"]
        yield Outcome(f"Compiling {row['title']}, times plain Jinja2: at most 1.6", f"{times:.2f}", times <= 1.6)


def _evenness(rows: list[Row]) -> Iterator[Outcome]:
    for row in rows:
        figure = row["wall_ratio"]
        title = f"Refusals by {row['way']}, whoever is named: medians within 10 %"
        yield Outcome(title, f"{figure:.2f}", figure <= 1.1, f"by CPU time {row['cpu_ratio']:.2f}")


def table(results: Row) -> str:
    """The outcomes in Markdown."""
    lines = ["| goal | measured | met | |", "|---|--:|---|---|"]
    lines += [
        f"| {each.goal} | {each.figure} | {'yes' if each.is_met else 'no'} | {each.note} |"
        for each in outcomes(results)
    ]
    return "\n".join(lines)
