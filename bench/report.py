"""From figures to `docs/benchmarks`: rows for `results.json`, the tables, the page round them."""

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import chart, data, goals, signin
from bench.contenders import Contender
from bench.measure import Entry, ratio
from bench.work import GROUPS, JSON_GROUP

Row = dict[str, Any]

_PAGE = Path(__file__).parent / "page.md"
_BARE = JSON_GROUP[0].name
_SECURED_JSON = JSON_GROUP[1].name


def cpu_rows(group: str, entries: list[Entry]) -> list[Row]:
    """One row per contender and piece of work, with its ratios to the hand-written application and to Fastness."""
    return [_cpu_row(group, entry, entries) for entry in entries]


def _cpu_row(group: str, entry: Entry, entries: list[Entry]) -> Row:
    is_json = group == "json"
    work = entry.work.name
    limit = _reference(entries, "raw", entry.contender.server, _BARE if is_json else work)
    ours = _reference(entries, "Fastness", entry.contender.server, _SECURED_JSON if is_json else work)
    return {
        "group": group,
        "work": work,
        "title": entry.work.title,
        "contender": entry.contender.name,
        "label": entry.contender.label,
        "framework": entry.contender.framework,
        "server": entry.contender.server,
        "micros": round(entry.median, 1),
        "smallest": round(min(entry.micros), 1),
        "largest": round(max(entry.micros), 1),
        "rounds": [round(each, 1) for each in entry.micros],
        "requests": entry.request_count,
        "to_raw": _ratio_of(entry, limit),
        "to_fastness": _ratio_of(entry, ours),
    }


def _reference(entries: list[Entry], framework: str, server: str, work: str) -> Entry | None:
    # gunicorn serves neither the hand-written application nor Fastness; what it serves is compared with uvicorn's.
    wanted = server if server in ("uvicorn", "granian") else "uvicorn"
    for entry in entries:
        if (entry.contender.framework, entry.contender.server, entry.work.name) == (framework, wanted, work):
            return entry
    return None


def _ratio_of(entry: Entry, reference: Entry | None) -> dict[str, float] | None:
    if reference is None:
        return None
    found = ratio(entry, reference)
    return {
        "median": round(found.median, 3),
        "smallest": round(found.smallest, 3),
        "largest": round(found.largest, 3),
    }


def rush_row(contender: Contender, rushes: Sequence[signin.Rush]) -> Row:
    """One contender's figures while twenty sign in: medians over the rounds."""

    def middle(name: str, figures: list[float]) -> Row:
        return {
            name: round(statistics.median(figures), 2),
            f"{name}_smallest": round(min(figures), 2),
            f"{name}_largest": round(max(figures), 2),
        }

    return {
        "contender": contender.name,
        "label": contender.label,
        "server": contender.server,
        **middle("page_p50_ms", [each.page.median for each in rushes]),
        **middle("page_p99_ms", [each.page.percentile(99) for each in rushes]),
        **middle("alone_p99_ms", [each.alone.percentile(99) for each in rushes]),
        **middle("json_p50_ms", [each.json.median for each in rushes]),
        **middle("json_p99_ms", [each.json.percentile(99) for each in rushes]),
        **middle("sign_in_p50_ms", [each.sign_in.median for each in rushes]),
        **middle("sign_ins_per_second", [each.per_second for each in rushes]),
        **middle("memory_mib", [each.memory_mib for each in rushes]),
        "pages": sum(len(each.page.seconds) for each in rushes),
        "sign_ins": sum(len(each.sign_in.seconds) for each in rushes),
    }


def start_row(contender: Contender, figures: list[float]) -> Row:
    """One contender's time to the first response."""
    return {
        "contender": contender.name,
        "label": contender.label,
        "server": contender.server,
        "milliseconds": round(statistics.median(figures), 1),
        "smallest": round(min(figures), 1),
        "largest": round(max(figures), 1),
    }


def write(results: Row, folder: Path) -> None:
    """Write the page, the chart and the figures."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (folder / "cpu.svg").write_text(chart.draw(results["cpu"]))
    (folder / "README.md").write_text(_page(results))


def tables(results: Row) -> str:
    """All tables of this run, in Markdown."""
    parts = [_cpu_table(results["cpu"], group) for group in GROUPS]
    parts += [
        _rush_table(results.get("signin", [])),
        _evenness_table(results.get("evenness", [])),
        _start_table(results.get("startup", [])),
        _matching_table(results.get("matching", [])),
        _template_table(results.get("templates")),
    ]
    return "\n".join(part for part in parts if part)


def _cpu_table(rows: list[Row], group: str) -> str:
    works = GROUPS[group]
    chosen = [row for row in rows if row["group"] == group]
    if not chosen:
        return ""
    lines = []
    for work in works:
        limit = "hand-written, bare" if group == "json" else "hand-written"
        lines += [
            f"### {work.title}",
            "",
            f"| | server | CPU µs per request | times {limit} | times Fastness |",
            "|---|---|--:|--:|--:|",
        ]
        lines += [_cpu_line(row) for row in chosen if row["work"] == work.name]
        lines.append("")
    return "\n".join(lines)


def _cpu_line(row: Row) -> str:
    span = f"**{row['micros']:.0f}** ({row['smallest']:.0f} to {row['largest']:.0f})"
    return f"| {row['label']} | {row['server']} | {span} | {_times(row['to_raw'])} | {_times(row['to_fastness'])} |"


def _times(figures: dict[str, float] | None) -> str:
    if figures is None:
        return ""
    digits = 2 if figures["median"] < 10 else 1
    return f"{figures['median']:.{digits}f} ({figures['smallest']:.{digits}f} to {figures['largest']:.{digits}f})"


def _rush_table(rows: list[Row]) -> str:
    if not rows:
        return ""
    lines = [
        "### While twenty people sign in",
        "",
        "| | server | page p50 ms | page p99 ms | p99 before | JSON p99 ms | sign-ins per second | sign-in p50 ms | peak MiB |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        spread = f"({row['page_p99_ms_smallest']:.1f} to {row['page_p99_ms_largest']:.1f})"
        lines.append(
            f"| {row['label']} | {row['server']} | {row['page_p50_ms']:.1f} | **{row['page_p99_ms']:.1f}** {spread} "
            f"| {row['alone_p99_ms']:.1f} | {row['json_p99_ms']:.1f} | {row['sign_ins_per_second']:.1f} "
            f"| {row['sign_in_p50_ms']:.0f} | {row['memory_mib']:.0f} |"
        )
    return "\n".join([*lines, ""])


def _evenness_table(rows: list[Row]) -> str:
    if not rows:
        return ""
    kinds = list(rows[0]["wall_ms"])
    lines = [
        "### Whether an answer tells who has an account",
        "",
        f"| | {' | '.join(f'{kind}, ms' for kind in kinds)} | largest to smallest | by CPU time |",
        "|---|" + "--:|" * (len(kinds) + 2),
    ]
    lines += [
        f"| {row['way']} | {' | '.join(format(row['wall_ms'][kind], '.1f') for kind in kinds)} "
        f"| **{row['wall_ratio']:.2f}** | {row['cpu_ratio']:.2f} |"
        for row in rows
    ]
    return "\n".join([*lines, ""])


def _start_table(rows: list[Row]) -> str:
    if not rows:
        return ""
    lines = ["### From the start of the process to the first response", "", "| | server | ms |", "|---|---|--:|"]
    lines += [
        f"| {row['label']} | {row['server']} | **{row['milliseconds']:.0f}** "
        f"({row['smallest']:.0f} to {row['largest']:.0f}) |"
        for row in rows
    ]
    return "\n".join([*lines, ""])


def _matching_table(rows: list[Row]) -> str:
    if not rows:
        return ""
    counts = list(rows[0]["micros"])
    lines = [
        "### A request to the route declared last",
        "",
        "| | " + " | ".join(f"{count} route{'s' if count != '1' else ''}, µs" for count in counts) + " |",
        "|---|" + "--:|" * len(counts),
    ]
    for row in rows:
        cells = " | ".join(f"{row['micros'][count]:.1f}" for count in counts)
        lines.append(f"| {_NAMES[row['framework']]} | {cells} |")
    return "\n".join([*lines, ""])


def _template_table(found: Row | None) -> str:
    if not found:
        return ""
    head = ["", "| | plain ms | Fastness ms | times plain Jinja2 |", "|---|--:|--:|--:|"]
    lines = ["### Rendering templates", *head]
    lines += [_template_line(row, f"{row['title']} ({row['values']})") for row in found["render"]]
    lines += ["", "### Compiling templates", *head]
    lines += [_template_line(row, row["title"]) for row in found["compile"]]
    return "\n".join([*lines, ""])


def _template_line(row: Row, title: str) -> str:
    return f"| {title} | {row['plain_ms']:.2f} | {row['fastness_ms']:.2f} | {_times(row['ratio'])} |"


_NAMES = {"fastness": "Fastness, all gates", "starlette": "Starlette", "litestar": "Litestar", "fastapi": "FastAPI"}


def _page(results: Row) -> str:
    machine, method = results["machine"], results["method"]
    return _PAGE.read_text().format(
        date=machine["date"],
        processor=machine["processor"],
        cores=machine["cores"],
        system=machine["system"],
        rounds=method["rounds"],
        seconds=method["seconds"],
        connections=JSON_GROUP[0].connections,
        memory=data.ARGON2_MEMORY_KIB // 1024,
        passes=data.ARGON2_TIME_COST,
        lanes=data.ARGON2_PARALLELISM,
        clients=signin.CLIENTS,
        versions=_versions(results["versions"]),
        load=machine["load"],
        lost=machine["lost_percent"],
        longest=machine["longest_gap_ms"],
        commit=machine["commit"],
        goals=goals.table(results),
        tables=tables(results),
    )


def _versions(found: dict[str, dict[str, str]]) -> str:
    names = {
        "raw": "hand-written",
        "fastness": "Fastness",
        "litestar": "Litestar",
        "fastapi": "FastAPI",
        "django": "Django",
    }
    lines = ["| venv | versions |", "|---|---|"]
    lines += [
        f"| {names[venv]} | {', '.join(f'{name} {version}' for name, version in versions.items())} |"
        for venv, versions in found.items()
    ]
    return "\n".join(lines)
