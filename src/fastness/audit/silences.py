"""Comments that accept a finding at one line: `# nosec FST005 # the list is a constant of this file`.

The form is Bandit's, so that one comment serves both. It counts only with an id and a reason: without the id it would hide
the next mistake on that line too, and without the reason nobody can tell whether it still holds. What it accepts stays in the
report.

ASVS 5.0: V15.1.5 (dangerous functionality is documented).
"""

import io
import re
import tokenize
from collections.abc import Iterator
from typing import Final

from fastness.kernel.because import MIN_TEXT_LENGTH
from fastness.kernel.findings import Notice, Severity, Topic
from fastness.kernel.values import dataclass

BARE_SILENCE: Final = Notice(
    id="FST-SOURCE-070",
    severity=Severity.MEDIUM,
    title="A nosec comment has no id or no reason",
    why="Without an id it hides every mistake on that line, and without a reason nobody knows whether it still holds.",
    fix="Write # nosec FST005 # why this is safe here.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V15.1.5",),
)
NEEDLESS_SILENCE: Final = Notice(
    id="FST-SOURCE-071",
    severity=Severity.LOW,
    title="A nosec comment silences nothing",
    why="The next mistake of that kind on this line would pass unseen, under a reason that was given for another.",
    fix="Remove the comment, or the id in it that is no longer found.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V15.1.5",),
)

NOTICES: Final = (BARE_SILENCE, NEEDLESS_SILENCE)

_COMMENT: Final = re.compile(r"#\s*nosec\b:?(?P<ids>[^#]*)(?:#(?P<reason>.*))?", re.IGNORECASE)
_ID: Final = re.compile(r"\b(?:FST|B)[0-9]{3}\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """One comment."""

    line: int
    ids: frozenset[str]
    reason: str

    @property
    def is_whole(self) -> bool:
        """Whether it says what it accepts, and why."""
        return bool(self.ids) and len(self.reason) >= MIN_TEXT_LENGTH


def read_silences(source: str) -> Iterator[Silence]:
    """The comments of a file that Python can read; texts that look like one are none."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and (found := _COMMENT.search(token.string)):
            yield Silence(
                line=token.start[0],
                ids=frozenset(_ID.findall(found["ids"])),
                reason=(found["reason"] or "").strip(),
            )
