"""Everything that the audit of dependencies can find.

ASVS 5.0: V15.1.2 (an inventory), V15.2.1 (no component past its time), V15.2.4 (from the expected place).
"""

from typing import Final

from fastness.kernel.findings import Notice, Severity, Topic

VULNERABLE: Final = Notice(
    id="FST-DEPS-001",
    severity=Severity.HIGH,
    title="A dependency has a known vulnerability",
    why="Advisories are public, and so are the programs that use them.",
    fix="Update it.",
    topic=Topic.COMPONENTS,
    asvs=("V15.2.1",),
)
MALICIOUS: Final = Notice(
    id="FST-DEPS-002",
    severity=Severity.CRITICAL,
    title="A dependency is known to be malicious",
    why="It was written to do harm, and has run with the rights of whoever installed it.",
    fix="Remove it, and replace every secret that this machine could read.",
    topic=Topic.COMPONENTS,
    asvs=("V15.2.1", "V15.2.4"),
)
YANKED: Final = Notice(
    id="FST-DEPS-003",
    severity=Severity.MEDIUM,
    title="A version was taken back by its authors",
    why="Authors take versions back that are broken or dangerous.",
    fix="Pin another version.",
    topic=Topic.COMPONENTS,
    asvs=("V15.2.1",),
)
OUTDATED: Final = Notice(
    id="FST-DEPS-004",
    severity=Severity.INFO,
    title="There are newer versions of dependencies",
    why="The further behind, the harder the update on the day of an advisory.",
    fix="Update regularly, in small steps.",
    topic=Topic.COMPONENTS,
    asvs=("V15.2.1",),
)
UNSUPPORTED: Final = Notice(
    id="FST-DEPS-005",
    severity=Severity.HIGH,
    title="A dependency gets no security repairs any more",
    why="Its authors have ended this series: holes that are found stay open.",
    fix="Move to a series that is supported.",
    topic=Topic.COMPONENTS,
    asvs=("V15.2.1",),
)
UNPINNED: Final = Notice(
    id="FST-DEPS-006",
    severity=Severity.MEDIUM,
    title="A requirement has no exact version",
    why="What is installed tomorrow is not what was tested and audited today.",
    fix="Pin all of them, the indirect ones too, with hashes: uv pip compile --generate-hashes, or pip-compile.",
    topic=Topic.COMPONENTS,
    asvs=("V15.2.4",),
)
UNHASHED: Final = Notice(
    id="FST-DEPS-007",
    severity=Severity.LOW,
    title="Pinned requirements have no hashes",
    why="A version is a name: whoever controls the index or a mirror chooses what it stands for.",
    fix="Write the hashes (uv pip compile --generate-hashes), and install with pip install --require-hashes.",
    topic=Topic.COMPONENTS,
    asvs=("V15.2.4",),
)
UNLOCKED: Final = Notice(
    id="FST-DEPS-008",
    severity=Severity.LOW,
    title="No file says which versions are installed",
    why="Each installation may get others; the audit looked at what is installed here.",
    fix="Write a lock file: uv pip compile pyproject.toml --generate-hashes --output-file requirements.txt.",
    topic=Topic.COMPONENTS,
    asvs=("V15.2.4", "V15.1.2"),
)
COPYLEFT: Final = Notice(
    id="FST-DEPS-009",
    severity=Severity.INFO,
    title="Dependencies have licences that reach further than their own code",
    why="Some ask for the source of what is built with them, or of what is offered over a network.",
    fix="Let somebody who knows look at it, and accept the finding with what they said.",
    topic=Topic.COMPONENTS,
    asvs=("V15.1.2",),
)
NO_LICENCE: Final = Notice(
    id="FST-DEPS-010",
    severity=Severity.INFO,
    title="Dependencies do not say what their licence is",
    why="Without a licence there is no right to use them.",
    fix="Look it up at their source, and accept the finding with what you found.",
    topic=Topic.COMPONENTS,
    asvs=("V15.1.2",),
)
NOT_ASKED: Final = Notice(
    id="FST-DEPS-011",
    severity=Severity.INFO,
    title="Newer and withdrawn versions were not looked for",
    why="With --offline the package index is not asked.",
    fix="Run it without --offline where there is a network, now and then.",
    topic=Topic.COMPONENTS,
    asvs=("V15.2.1",),
)

NOTICES: Final = (
    VULNERABLE,
    MALICIOUS,
    YANKED,
    OUTDATED,
    UNSUPPORTED,
    UNPINNED,
    UNHASHED,
    UNLOCKED,
    COPYLEFT,
    NO_LICENCE,
    NOT_ASKED,
)
