"""Log lines that a machine can read and nobody can forge: one JSON object a line, ASCII only, in UTC.

The attacker chooses parts of what is logged (paths, names, the text of an exception). A line end would start a line of
his own, an escape sequence would act on the terminal of whoever reads the log, a bidirectional mark would turn the text
round (CVE-2021-42574), and a long value would fill the disk. So everything goes through JSON with all but printable
ASCII escaped, and every text is cut. A value that comes under a secret name (`extra={"password": …}`, or a mapping of
arguments) is replaced before it is formatted.

It cannot recognise a secret inside a sentence or in the text of an exception: log names and ids, not bodies and keys.

ASVS 5.0: V16.2.1, V16.2.2 (UTC), V16.2.4 (one common format), V16.2.5 (no credentials), V16.4.1 (no log injection).
"""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from math import isfinite
from traceback import format_exception
from typing import Final

from fastness.kernel.errors import FastnessError
from fastness.kernel.events import LOGGER_NAME, REDACTED, is_secret_name
from fastness.kernel.limits import JSONValue

MAX_TEXT_LENGTH: Final = 4096
MAX_TRACEBACK_LENGTH: Final = 16_384
MAX_EXTRA_VALUES: Final = 32
MAX_NUMBER: Final = 2**63
CUT_MARK: Final = "...[cut]"

# What every record has; the rest came as `extra`.
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_RESERVED: Final = frozenset({"at", "level", "logger", "message", "exception"})


class JSONFormatter(logging.Formatter):
    """Writes a record as one line of JSON; security events keep their own fields beside level and logger."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, JSONValue] = {"at": moment, "level": record.levelname.lower(), "logger": record.name}
        line |= _event_fields(record) or {"message": _cut(_message(record), MAX_TEXT_LENGTH)}
        line |= _extra_values(record)
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            line |= _exception_fields(error)
        return _one_line(line)


def _message(record: logging.LogRecord) -> str:
    message = str(record.msg)
    arguments = record.args
    try:
        if isinstance(arguments, Mapping):
            return message % {name: _safe(str(name), value) for name, value in arguments.items()}
        return message % arguments if arguments else message
    except (TypeError, ValueError, KeyError):
        # A wrong format string must not cost the line; the arguments are left out, since they were meant to be shaped.
        return message


def _event_fields(record: logging.LogRecord) -> dict[str, JSONValue] | None:
    """A security event arrives as its own JSON; its fields stay fields instead of becoming a text within a text."""
    if record.name != LOGGER_NAME:
        return None
    try:
        fields = json.loads(record.getMessage())
    except (ValueError, TypeError):
        return None
    return fields if isinstance(fields, dict) else None


def _extra_values(record: logging.LogRecord) -> dict[str, JSONValue]:
    found = [(name, value) for name, value in vars(record).items() if name not in _STANDARD | _RESERVED]
    return {name: _plain(_safe(name, value)) for name, value in found[:MAX_EXTRA_VALUES]}


def _plain(value: object) -> JSONValue:
    if value is None or isinstance(value, bool) or (isinstance(value, int) and abs(value) <= MAX_NUMBER):
        return value
    # NaN and infinity are no JSON, and a number of thousands of digits cannot be written in decimal at all.
    if isinstance(value, float) and isfinite(value):
        return value
    try:
        return _cut(hex(value) if isinstance(value, int) else str(value), MAX_TEXT_LENGTH)
    except Exception:  # noqa: BLE001 - an object whose own text fails must not cost the line
        return f"<{type(value).__qualname__} without a text>"


def _exception_fields(error: BaseException) -> dict[str, JSONValue]:
    kind = type(error)
    trace = "".join(format_exception(error))
    fields: dict[str, JSONValue] = {
        "exception": {
            "type": f"{kind.__module__}.{kind.__qualname__}",
            # The end names the error and the place; the beginning of a deep one repeats itself.
            "traceback": _cut_beginning(trace, MAX_TRACEBACK_LENGTH),
        }
    }
    if isinstance(error, FastnessError):
        fields["code"] = error.code
    return fields


def _safe(name: str, value: object) -> object:
    return REDACTED if is_secret_name(name) else value


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - len(CUT_MARK)] + CUT_MARK


def _cut_beginning(text: str, limit: int) -> str:
    return text if len(text) <= limit else CUT_MARK + text[len(CUT_MARK) - limit :]


def _one_line(line: Mapping[str, JSONValue]) -> str:
    # ensure_ascii escapes C0, C1, U+2028/9, the bidirectional controls and lone surrogates; DEL is the one control
    # character that is ASCII and that JSON leaves alone.
    text = json.dumps(line, ensure_ascii=True, separators=(",", ":"))
    return text.replace("\x7f", "\\u007f")


class PlainFormatter(logging.Formatter):
    """Writes a record for a person at a terminal; nothing in it can act on the terminal or begin a line of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, with a traceback below it if there is one."""
        text = f"{record.levelname.lower()}: {_visible(_cut(_message(record), MAX_TEXT_LENGTH))}"
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            lines = "".join(format_exception(error)).splitlines()
            text = "\n".join([text, *(f"  {_visible(line)}" for line in lines)])
        return text


def _visible(text: str) -> str:
    return "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in text)
