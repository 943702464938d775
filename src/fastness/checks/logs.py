"""Whether security events reach the log, and nothing else that should not.

An app configures logging as it likes, often with a call that switches every logger off that it does not name: the events
are gone then, and nobody misses them until they are needed. The other way round, a level that was right at a desk writes
every statement with its values into a file that more people read than the database.

Looked at is this process, after the app was imported. ASVS 5.0: V16.2.5 (no sensitive data in logs), V16.3.3, V16.2.3.
"""

import logging
from collections.abc import Iterator
from typing import Final

from fastness.checks.check import Deployment
from fastness.kernel.events import LOGGER_NAME
from fastness.kernel.findings import Finding, Notice, Severity, Topic

MIN_KEEP_DAYS: Final = 90

EVENTS_LOST: Final = Notice(
    id="FST-LOGGING-001",
    severity=Severity.HIGH,
    title="Security events do not reach the log",
    why="The app's own configuration of logging switches their logger off; an attack would leave no line.",
    fix='Pass "disable_existing_loggers": False to dictConfig (or fileConfig), and leave the logger fastness.security at INFO '
    "with a handler, or propagating to one.",
    topic=Topic.LOGGING,
    asvs=("V16.2.3", "V16.3.3"),
)
TOO_MUCH: Final = Notice(
    id="FST-LOGGING-002",
    severity=Severity.MEDIUM,
    title="The log holds what only a developer needs",
    why="At this level statements with their values, headers and bodies are written where more people can read them.",
    fix="Set the logger to INFO (sqlalchemy to WARNING), or set it in development only.",
    topic=Topic.LOGGING,
    asvs=("V16.2.5", "V13.4.2"),
)
SHORT_MEMORY: Final = Notice(
    id="FST-AUDITLOG-003",
    severity=Severity.LOW,
    title="Security events are kept for a short time",
    why="Break-ins are noticed after weeks; by then the beginning is gone.",
    fix="Set FASTNESS_AUDIT_KEEP_DAYS to 90 or more, unless a rule of yours asks for less.",
    topic=Topic.LOGGING,
    asvs=("V14.2.4",),
)

NOTICES: Final = (EVENTS_LOST, TOO_MUCH, SHORT_MEMORY)

# What each of these writes at the level: statements with values; requests with addresses; whole messages.
_TALKATIVE: Final = {
    "": logging.DEBUG,
    "sqlalchemy": logging.INFO,
    "sqlalchemy.engine": logging.INFO,
    "sqlalchemy.engine.Engine": logging.INFO,
    "asyncpg": logging.DEBUG,
    "aiosmtplib": logging.DEBUG,
    "httpcore": logging.DEBUG,
    "httpx2": logging.DEBUG,
    "starlette": logging.DEBUG,
}


def check_logging(deployment: Deployment) -> Iterator[Finding]:
    """The loggers of this process."""
    if deployment.settings.is_development:
        return
    events = logging.getLogger(LOGGER_NAME)
    if events.disabled or events.level > logging.INFO or events.manager.disable >= logging.INFO:
        yield EVENTS_LOST.found(where=LOGGER_NAME)
    elif not events.propagate and not events.handlers:
        yield EVENTS_LOST.found(where=f"{LOGGER_NAME}: no handler")
    for name, level in _TALKATIVE.items():
        logger = logging.getLogger(name)
        # 0 means that the one above decides, which is looked at by itself.
        if 0 < logger.level <= level:
            yield TOO_MUCH.found(where=f"{name or 'the root logger'}: {logging.getLevelName(logger.level)}")
    keep = deployment.settings.audit.keep_days
    if keep is not None and keep < MIN_KEEP_DAYS:
        yield SHORT_MEMORY.found(where=f"FASTNESS_AUDIT_KEEP_DAYS: {keep}")
