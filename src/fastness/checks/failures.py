"""An app that cannot be looked at, as findings: the report has one shape, whatever went wrong.

A pipeline that reads `fastness check --json` gets JSON for a missing key too, not a text on another stream.
ASVS 5.0: V8.1.1 (every route has its rule), V11.5.1 (keys), V13.2.3 (no default credentials).
"""

from typing import Final

from fastness.kernel.errors import ConfigError
from fastness.kernel.findings import Finding, Notice, Severity, Topic
from fastness.settings.errors import SettingsError

SETTINGS_UNUSABLE: Final = Notice(
    id="FST-SETTINGS-001",
    severity=Severity.CRITICAL,
    title="The settings cannot be used",
    why="A setting is missing, unknown, weak or contradicts another; the app does not start.",
    fix="Set what the message names. docs/reference/settings.md lists every setting.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V13.2.3", "V11.5.1"),
)
APP_UNUSABLE: Final = Notice(
    id="FST-ROUTES-001",
    severity=Severity.CRITICAL,
    title="The app cannot be sealed",
    why="A route, rule or page of the app is not complete; the app does not start.",
    fix="Write what the message names. docs/reference/errors.md has a section for each code.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V8.1.1",),
)

NOTICES: Final = (SETTINGS_UNUSABLE, APP_UNUSABLE)


def findings_of(error: ConfigError) -> tuple[Finding, ...]:
    """Return what stopped the app, one finding for each problem."""
    if isinstance(error, SettingsError):
        return tuple(SETTINGS_UNUSABLE.found(detail=problem) for problem in error.problems)
    return (APP_UNUSABLE.found(where=error.code, detail=error.detail),)
