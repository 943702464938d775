"""`python -m bench`: set up, measure, report.

A full run writes `docs/benchmarks/`. A quick one, or one of some contenders or some work only, prints its table and leaves the
documents alone.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import contenders, goals, machine, report, servers, setup, signin, startup
from bench.contenders import Contender
from bench.factors import Factors
from bench.measure import measure_group, pin_load
from bench.work import GROUPS

PARTS = (*GROUPS, "signin", "evenness", "startup", "matching", "templates")
MATCHERS = (("fastness", "fastness"), ("starlette", "fastness"), ("litestar", "litestar"), ("fastapi", "fastapi"))
DOCUMENTS = servers.ROOT / "docs" / "benchmarks"


def main() -> int:
    """Run what the options ask for, when nobody else does."""
    options = _options()
    with setup.alone():
        return _run(options)


def _run(options: argparse.Namespace) -> int:
    pythons = setup.ensure()
    chosen = [each for each in contenders.CONTENDERS if each.venv in pythons and _is_chosen(each, options.only)]
    parts = options.parts.split(",") if options.parts else list(PARTS)
    unknown = set(parts) - set(PARTS)
    if unknown or not chosen:
        print(f"unknown: {', '.join(unknown) or options.only}; parts are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    rounds = options.rounds or (3 if options.quick else 9)
    seconds = 0.3 if options.quick else 1.0
    pin_load()
    _seed(chosen)
    began = time.monotonic()
    results: dict[str, object] = {
        "machine": machine.describe_machine(),
        "versions": {name: machine.versions_of(python) for name, python in pythons.items()},
        "method": {"rounds": rounds, "seconds": seconds},
    }
    quick, has_own = options.quick, "fastness" in pythons
    measurements: dict[str, Callable[[], object]] = {
        "signin": lambda: _measure_rush(chosen, 5.0 if quick else 15.0, 1 if quick else 3),
        "startup": lambda: _measure_starts(options.only, pythons, 3 if quick else 9),
        "matching": lambda: _measure_matching(options.only, pythons, 1 if quick else 3),
    }
    if has_own:
        measurements["evenness"] = lambda: _measure_evenness(10 if quick else 100)
        measurements["templates"] = lambda: _measure_templates(3 if quick else 15)
    results["cpu"] = _measure_cpu(chosen, [part for part in parts if part in GROUPS], rounds, seconds)
    _keep(results)
    for part in PARTS:
        if part in parts and part in measurements:
            results[part] = measurements[part]()
            _keep(results)
    _say(f"took {time.monotonic() - began:.0f} s")
    print(report.tables(results))
    print(goals.table(results))
    is_full = not (options.only or options.parts or options.quick)
    target = Path(options.output) if options.output else DOCUMENTS if is_full else None
    if target is not None:
        report.write(results, target)
        _say(f"written: {target}")
    return 0


def _keep(results: dict[str, object]) -> None:
    """So that a run which fails later has not measured for nothing; `report.write` makes the page of it."""
    (servers.RUNS / "results.json").write_text(json.dumps(results, indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Fastness beside other frameworks.")
    parser.add_argument("--quick", action="store_true", help="few short rounds: shows that everything runs")
    parser.add_argument("--only", default="", help="contenders by name or beginning of it: raw,fastness-uvicorn,django")
    parser.add_argument("--parts", default="", help=f"some of {','.join(PARTS)}")
    parser.add_argument("--rounds", type=int, default=0, help="rounds of each piece of work")
    parser.add_argument("--output", default="", help="a folder for the table, chart and figures of this run")
    return parser.parse_args()


def _is_chosen(contender: Contender, only: str) -> bool:
    return not only or any(contender.name.startswith(name) for name in only.split(","))


def _seed(chosen: list[Contender]) -> None:
    for folder in {each.app for each in contenders.CONTENDERS} | {"casebook"}:
        shutil.rmtree(servers.RUNS / folder, ignore_errors=True)
        (servers.RUNS / folder).mkdir(parents=True)
    for contender in {each.app: each for each in chosen}.values():
        _say(f"writing the database of {contender.app}")
        subprocess.run(
            [servers.python_of(contender.venv), "-m", "bench.seed", contender.seeder],
            env=servers.environment(contender, mode="secured"),
            cwd=servers.ROOT,
            check=True,
            timeout=120,
        )


def _measure_cpu(chosen: list[Contender], groups: list[str], rounds: int, seconds: float) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for group in groups:
        _say(group)
        entries = measure_group(chosen, GROUPS[group], rounds=rounds, seconds=seconds, say=_say)
        rows += report.cpu_rows(group, entries)
    return rows


def _measure_rush(chosen: list[Contender], seconds: float, rounds: int) -> list[dict[str, object]]:
    watched = [each for each in chosen if each.name in contenders.RUSH]
    found: dict[str, list[signin.Rush]] = {each.name: [] for each in watched}
    # Once for all rounds: a code that was used is used.
    factors = {each.app: Factors(servers.RUNS / each.app) for each in watched}
    for number in range(rounds):
        for contender in watched:
            _say(f"twenty sign in: {contender.name}, round {number + 1} of {rounds}")
            with servers.running([contender], mode="secured") as (server,):
                found[contender.name].append(signin.run(server, seconds=seconds, factors=factors[contender.app]))
    return [report.rush_row(each, found[each.name]) for each in watched]


def _measure_starts(only: str, pythons: dict[str, Path], rounds: int) -> list[dict[str, object]]:
    started = [
        (each, path)
        for each, path in contenders.STARTERS
        if each.venv in pythons and (not only or each.framework.lower() in only or each.venv in only)
    ]
    found: dict[str, list[float]] = {each.name: [] for each, _ in started}
    for number in range(rounds + 1):
        _say(f"starting, round {number} of {rounds}" if number else "starting, to cache the bytecode")
        for contender, path in started:
            took = startup.first_response_ms(contender, path)
            if number:
                found[contender.name].append(took)
    return [report.start_row(each, found[each.name]) for each, _ in started]


def _measure_matching(only: str, pythons: dict[str, Path], rounds: int) -> list[dict[str, object]]:
    fastness = next(each for each in contenders.CONTENDERS if each.venv == "fastness")
    chosen = [(name, venv) for name, venv in MATCHERS if venv in pythons and (not only or name in only)]
    found: dict[str, list[dict[str, float]]] = {name: [] for name, _ in chosen}
    for number in range(rounds):
        for name, venv in chosen:
            _say(f"matching: {name}, round {number + 1} of {rounds}")
            shown = subprocess.run(
                [servers.python_of(venv), "-m", "bench.apps.matching", name],
                env=servers.environment(fastness, mode="secured"),
                cwd=servers.ROOT,
                capture_output=True,
                text=True,
                check=True,
                timeout=300,
            ).stdout
            found[name].append(json.loads(shown))
    return [
        {"framework": name, "micros": {count: min(each[count] for each in figures) for count in figures[0]}}
        for name, figures in found.items()
    ]


def _measure_templates(rounds: int) -> dict[str, object]:
    _say("templates: rendering and compiling")
    return dict(_alone("bench.templates", rounds, timeout=300))


def _measure_evenness(rounds: int) -> list[dict[str, object]]:
    _say("refusals: unknown, wrong, inactive and without a password")
    return list(_alone("bench.evenness", rounds, timeout=900))


def _alone(module: str, rounds: int, *, timeout: float) -> Any:
    """What a measurement prints that runs in one process of Fastness's venv."""
    fastness = next(each for each in contenders.CONTENDERS if each.venv == "fastness")
    shown = subprocess.run(
        [servers.python_of("fastness"), "-m", module, str(rounds)],
        env=servers.environment(fastness, mode="secured"),
        cwd=servers.ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=timeout,
    ).stdout
    return json.loads(shown)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
