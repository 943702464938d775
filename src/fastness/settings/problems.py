"""What must hold between the values, whoever put them together.

The same rules for settings read from the environment and for settings written in code: a production app without hosts,
without a key, or with sessions that only one worker can see, does not start.

ASVS 5.0: V11.5.1 (keys that cannot be guessed), V13.2.3 (no default credentials), V13.4.2 (no debug mode).
"""

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Final, get_origin

from fastness.auditlog.rules import AUTOMATIC, OFF, AuditRules
from fastness.db.address import EXAMPLE, is_postgres_url, parse_postgres_address
from fastness.db.rules import DatabaseRules
from fastness.kernel.errors import ConfigError
from fastness.kernel.hosts import HostRules
from fastness.kernel.languages import check_languages
from fastness.kernel.secret import Secret
from fastness.kernel.signing import refuse_weak_key
from fastness.settings.profiles import Profile

MEMORY_STORE: Final = "memory:"
SQLITE: Final = "sqlite:///"

_PROJECT: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
_APP: Final = re.compile(r"[A-Za-z_][\w]*(\.[A-Za-z_][\w]*)*:[A-Za-z_][\w]*")


def problems_of(settings: type, values: Mapping[str, object]) -> tuple[str, ...]:
    """Return what is wrong with the values; a field that is absent could not be read and has been reported."""
    problems = _wrong_types(settings, values)
    if problems:
        return tuple(problems)
    is_production = values.get("profile") is Profile.PRODUCTION
    return (
        *_keys(values),
        *_names(values),
        *_addresses(values, is_production=is_production),
        *(_production(values) if is_production else ()),
    )


def _wrong_types(settings: type, values: Mapping[str, object]) -> list[str]:
    """Overrides in code: a `str` where a Secret belongs would be shown by the next repr."""
    wrong = []
    for each in fields(settings):
        if each.name not in values or not isinstance(each.type, type) or get_origin(each.type) is not None:
            continue
        if not isinstance(values[each.name], each.type):
            wrong.append(f"{each.name} takes a {each.type.__name__}.")
    return wrong


def _keys(values: Mapping[str, object]) -> list[str]:
    problems: list[str] = []
    current, previous = values.get("secret_key"), values.get("previous_secret_keys", ())
    if isinstance(current, Secret):
        problems += _weak("FASTNESS_SECRET_KEY", current)
    if isinstance(previous, tuple):
        for number, key in enumerate(previous, start=1):
            if isinstance(key, Secret):
                problems += _weak(f"FASTNESS_PREVIOUS_SECRET_KEYS, key {number}", key)
            else:
                problems.append("previous_secret_keys is a tuple of Secret.")
    else:
        problems.append("previous_secret_keys is a tuple of Secret.")
    return problems


def _weak(name: str, key: Secret) -> list[str]:
    try:
        refuse_weak_key(key.reveal_bytes().decode("latin-1"))
    except ConfigError as error:
        return [f"{name}: {error.detail}"]
    return []


def _names(values: Mapping[str, object]) -> list[str]:
    problems: list[str] = []
    project, app = values.get("project"), values.get("app")
    if isinstance(project, str) and _PROJECT.fullmatch(project) is None:
        problems.append(
            "FASTNESS_PROJECT: expected up to 32 lower-case letters, digits and -, beginning with a letter."
        )
    if app is not None and not (isinstance(app, str) and _APP.fullmatch(app)):
        problems.append("FASTNESS_APP: expected a module and a name in it, such as casebook.app:app.")
    languages = values.get("languages")
    if isinstance(languages, tuple):
        try:
            check_languages(languages)
        except ConfigError as error:
            problems.append(f"FASTNESS_LANGUAGES: {error.detail}")
    return problems


def _addresses(values: Mapping[str, object], *, is_production: bool) -> list[str]:
    problems: list[str] = []
    store, database, token = values.get("store_url"), values.get("database_url"), values.get("debug_token")
    if isinstance(store, str) and store != MEMORY_STORE:
        problems += _data_address("FASTNESS_STORE_URL", store, values)
    if is_production and store == MEMORY_STORE:
        problems.append(
            "FASTNESS_STORE_URL: memory: is for development: each worker would have sessions of its own, and a sign-out in "
            "one would not reach the others. Set sqlite:///path/to/store.sqlite3."
        )
    if isinstance(database, str):
        problems += _data_address("FASTNESS_DATABASE_URL", database, values)
    audit = values.get("audit")
    if isinstance(audit, AuditRules) and audit.url not in {AUTOMATIC, OFF}:
        problems += [
            f"{problem} Or auto, or off." for problem in _data_address("FASTNESS_AUDIT_URL", audit.url, values)
        ]
    if isinstance(owner := values.get("migrations_url"), str):
        problems += _data_address("FASTNESS_MIGRATIONS_URL", owner, values)
    if is_production and token is not None:
        problems.append("FASTNESS_DEBUG_TOKEN: there is no debug page in production; remove it.")
    if token is not None and not isinstance(token, Secret):
        problems.append("debug_token takes a Secret.")
    return problems


def _data_address(name: str, url: str, values: Mapping[str, object]) -> list[str]:
    if url.startswith(SQLITE) and url != SQLITE:
        return []
    if not is_postgres_url(url):
        return [f"{name}: expected sqlite:///path/to/file.sqlite3 or {EXAMPLE}."]
    rules = values.get("database")
    reason = rules.insecure_unverified_tls if isinstance(rules, DatabaseRules) else None
    try:
        parse_postgres_address(url, insecure_unverified_tls=reason)
    except ConfigError as error:
        return [f"{name}: {error.detail}."]
    return []


def _production(values: Mapping[str, object]) -> list[str]:
    hosts = values.get("hosts")
    if isinstance(hosts, HostRules) and not hosts.allowed:
        return [
            (
                "FASTNESS_HOSTS is not set: name the hosts the app answers to, such as FASTNESS_HOSTS=shop.example.com. "
                "On a developer's machine, FASTNESS_PROFILE=development needs none."
            )
        ]
    return []
