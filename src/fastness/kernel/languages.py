"""Which of an app's languages somebody reads best, as their browser says it.

The header is the visitor's choice and may say anything: it is read within bounds, and what comes out is one of the languages that
the app has, never a word of theirs. RFC 9110 §12.5.4, RFC 4647 §3.4 (look-up).
"""

import re
from contextvars import ContextVar
from typing import Final

from fastness.kernel.errors import ConfigError

ENGLISH: Final = "en"
"""The language of the messages themselves."""
MAX_HEADER_LENGTH: Final = 512
MAX_RANGES: Final = 16
_TAG: Final = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")
_WEIGHT: Final = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.IGNORECASE)

LANGUAGE: Final[ContextVar[str]] = ContextVar("fastness_language", default="")
"""The language of the request, or of the mail, that is being worked on; empty where there is only one."""


def check_languages(offered: tuple[str, ...]) -> None:
    """Refuse what is no list of language tags."""
    if not offered or len(set(offered)) != len(offered):
        raise ConfigError("languages names each language once, and at least one: en, de.")
    for number, tag in enumerate(offered, start=1):
        if _TAG.fullmatch(tag) is None:  # the value is not shown: this may be a variable's
            raise ConfigError(f"languages: entry {number} is no language tag such as de or pt-BR.")


def choose_language(header: str, offered: tuple[str, ...]) -> str:
    """The language to answer in; the first of the app's where the header names none of them."""
    if not header or len(header) > MAX_HEADER_LENGTH:
        return offered[0]
    by_name = {tag.lower(): tag for tag in offered}
    best, most = offered[0], 0.0
    for part in header.split(",")[:MAX_RANGES]:
        name, _, parameter = part.strip().lower().partition(";")
        weight = _weight(parameter.strip())
        found = _look_up(name.strip(), by_name)
        if found is not None and weight > most:
            best, most = found, weight
    return best


def _look_up(name: str, by_name: dict[str, str]) -> str | None:
    # de-AT is served with de: the last part is dropped until something is found.
    while name:
        if name in by_name:
            return by_name[name]
        name = name.rpartition("-")[0]
    return None


def _weight(parameter: str) -> float:
    if not parameter:
        return 1.0
    found = _WEIGHT.fullmatch(parameter)
    return 0.0 if found is None else float(found[1])
