"""The source rules over a folder: our own and Bandit's, each mistake told once, and what comments accept.

ASVS 5.0: V15.1.5 (dangerous functionality is documented).
"""

import os
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from fastness.audit.banditrun import run_bandit
from fastness.audit.module import Module, UnreadableError, read_module
from fastness.audit.outcome import Outcome
from fastness.audit.programs import ProgramError
from fastness.audit.rules import RULES
from fastness.audit.silences import BARE_SILENCE, NEEDLESS_SILENCE, Silence, read_silences
from fastness.audit.spots import Spot
from fastness.kernel.because import Because
from fastness.kernel.findings import Finding
from fastness.kernel.pythonfiles import python_files
from fastness.kernel.report import Unchecked


def audit_sources(folder: Path) -> Outcome:
    """Look at all Python files of a folder."""
    files = sorted(python_files(folder))
    spots: list[Spot] = []
    silences: list[tuple[str, Silence]] = []
    unchecked: list[Unchecked] = []
    readable: list[Path] = []
    for file in files:
        where = os.path.relpath(file, folder)
        try:
            spots += _spots(where, read_module(file))
            silences += [(where, silence) for silence in _read_comments(file)]
        except UnreadableError as error:
            unchecked.append(Unchecked(what=where, why=str(error)))
        except RecursionError:
            unchecked.append(Unchecked(what=where, why="Its expressions are nested too deeply to be looked at."))
        else:
            readable.append(file)
    try:
        others, left_out = run_bandit(folder, readable)
    except ProgramError as error:
        others, left_out = [], [Unchecked(what="Bandit", why=str(error))]
    spots += [spot for spot in others if not any(spot.name in own.same_as and own.touches(spot) for own in spots)]
    return judge(spots, silences, [*unchecked, *left_out])


def judge(
    spots: Sequence[Spot], silences: Iterable[tuple[str, Silence]], unchecked: Sequence[Unchecked] = ()
) -> Outcome:
    """Set apart what comments accept, and find the comments that should not be there."""
    reasons: dict[Spot, Because] = {}
    complaints: list[Finding] = []
    for file, silence in silences:
        where = f"{file}:{silence.line}"
        if not silence.is_whole:
            complaints.append(BARE_SILENCE.found(where=where))
            continue
        meant = [
            spot
            for spot in spots
            if spot.file == file and spot.first_line <= silence.line <= spot.last_line and spot.name in silence.ids
        ]
        reasons |= dict.fromkeys(meant, Because(silence.reason))
        told_elsewhere = {name for spot in meant for name in spot.same_as}
        if needless := sorted(silence.ids - {spot.name for spot in meant} - told_elsewhere):
            complaints.append(NEEDLESS_SILENCE.found(where=f"{where}: {', '.join(needless)}"))
    return Outcome(
        findings=(*(spot.finding for spot in spots if spot not in reasons), *complaints),
        accepted=tuple((spot.finding, reason) for spot, reason in reasons.items()),
        unchecked=tuple(unchecked),
    )


def _spots(where: str, module: Module) -> Iterator[Spot]:
    for rule in RULES:
        for hit in rule.find(module):
            yield Spot(
                file=where,
                first_line=hit.line,
                last_line=getattr(hit.node, "end_lineno", None) or hit.line,
                name=rule.short_id,
                finding=rule.notice.found(where=f"{where}:{hit.line}", detail=hit.detail),
                same_as=rule.same_as,
            )


def _read_comments(file: Path) -> list[Silence]:
    try:
        with tokenize.open(file) as opened:
            return [*read_silences(opened.read())]
    except (OSError, SyntaxError, ValueError, tokenize.TokenError) as error:
        raise UnreadableError(f"Its comments cannot be read: {error}") from None
