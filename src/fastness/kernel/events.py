"""Security events: the vocabulary, the record and its one safe way into a line of text.

Names follow the OWASP Logging Vocabulary Cheat Sheet, so that a SIEM knows them; ours are marked. An event says who,
when, from where, on which route and by which rule. The attacker chooses much of it (user names, paths, addresses), and
will try to forge lines, hide text behind terminal sequences or bidirectional controls (CVE-2021-42574), flood
the log with long values, or read secrets out of it later. Hence `to_json`: one line, ASCII only, every value cut, and
values whose name says that they are secret replaced.

It cannot recognise a secret under an innocent name: put reasons and ids into events, not request bodies.

ASVS 5.0: V16.2.1 (who, when, where, what), V16.2.2 (UTC), V16.2.4 (common format), V16.2.5 (no credentials),
V16.3.1, V16.3.2, V16.3.3 (which events), V16.4.1 (encoded against log injection).
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import field
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Protocol

from fastness.kernel.errors import ConfigError
from fastness.kernel.values import dataclass

MAX_VALUE_LENGTH: Final = 512
MAX_NAME_LENGTH: Final = 64
MAX_DETAILS: Final = 32
REDACTED: Final = "[redacted]"
CUT_MARK: Final = "...[cut]"

LOGGER_NAME: Final = "fastness.security"

SECRET_NAME_PARTS: Final = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "cookie",
    "authorization",
    "credential",
    "apikey",
    "privatekey",
    "signature",
    "sessionid",
    "sessionkey",
    "recoverycode",
    "backupcode",
    "nonce",
    "hash",
    "cardnumber",
)
"""A value whose name contains one of these (case, `-`, `_`, `.` and spaces ignored) is never written."""

SECRET_NAME_WORDS: Final = frozenset(
    {
        "auth",
        "bearer",
        "csrf",
        "cvc",
        "cvv",
        "iban",
        "jwt",
        "key",
        "otp",
        "pin",
        "pwd",
        "salt",
        "session",
        "sid",
        "ssn",
        "totp",
    }
)
"""Nor is one that has one of these as a whole word; as a part they would hide "shipping" and "keyboard"."""


class EventName(StrEnum):
    """What happened. OWASP Logging Vocabulary first; then names of our own."""

    AUTHN_LOGIN_SUCCESS = "authn_login_success"
    AUTHN_LOGIN_SUCCESS_AFTER_FAIL = "authn_login_successafterfail"
    AUTHN_LOGIN_FAIL = "authn_login_fail"
    AUTHN_LOGIN_FAIL_MAX = "authn_login_fail_max"
    AUTHN_LOGIN_LOCK = "authn_login_lock"
    AUTHN_PASSWORD_CHANGE = "authn_password_change"  # noqa: S105 - these six are names of events
    AUTHN_PASSWORD_CHANGE_FAIL = "authn_password_change_fail"  # noqa: S105
    AUTHN_IMPOSSIBLE_TRAVEL = "authn_impossible_travel"
    AUTHN_TOKEN_CREATED = "authn_token_created"  # noqa: S105
    AUTHN_TOKEN_REVOKED = "authn_token_revoked"  # noqa: S105
    AUTHN_TOKEN_REUSE = "authn_token_reuse"  # noqa: S105
    AUTHN_TOKEN_DELETE = "authn_token_delete"  # noqa: S105
    AUTHZ_FAIL = "authz_fail"
    AUTHZ_CHANGE = "authz_change"
    AUTHZ_ADMIN = "authz_admin"
    CRYPT_DECRYPT_FAIL = "crypt_decrypt_fail"
    CRYPT_ENCRYPT_FAIL = "crypt_encrypt_fail"
    EXCESS_RATE_LIMIT_EXCEEDED = "excess_rate_limit_exceeded"
    UPLOAD_COMPLETE = "upload_complete"
    UPLOAD_STORED = "upload_stored"
    UPLOAD_VALIDATION = "upload_validation"
    UPLOAD_DELETE = "upload_delete"
    INPUT_VALIDATION_FAIL = "input_validation_fail"
    INPUT_VALIDATION_DISCRETE_FAIL = "input_validation_discrete_fail"
    MALICIOUS_EXCESS_404 = "malicious_excess_404"
    MALICIOUS_EXTRANEOUS = "malicious_extraneous"
    MALICIOUS_ATTACK_TOOL = "malicious_attack_tool"
    MALICIOUS_CORS = "malicious_cors"
    MALICIOUS_DIRECT_REFERENCE = "malicious_direct_reference"
    PRIVILEGE_PERMISSIONS_CHANGED = "privilege_permissions_changed"
    SENSITIVE_CREATE = "sensitive_create"
    SENSITIVE_READ = "sensitive_read"
    SENSITIVE_UPDATE = "sensitive_update"
    SENSITIVE_DELETE = "sensitive_delete"
    SEQUENCE_FAIL = "sequence_fail"
    SESSION_CREATED = "session_created"
    SESSION_RENEWED = "session_renewed"
    SESSION_EXPIRED = "session_expired"
    SESSION_USE_AFTER_EXPIRE = "session_use_after_expire"
    SYS_STARTUP = "sys_startup"
    SYS_SHUTDOWN = "sys_shutdown"
    SYS_RESTART = "sys_restart"
    SYS_CRASH = "sys_crash"
    SYS_MONITOR_DISABLED = "sys_monitor_disabled"
    SYS_MONITOR_ENABLED = "sys_monitor_enabled"
    USER_CREATED = "user_created"
    USER_UPDATED = "user_updated"
    USER_ARCHIVED = "user_archived"
    USER_DELETED = "user_deleted"

    # From here on our own: the vocabulary has no word for them.
    SYS_MISCONFIGURED = "sys_misconfigured"
    SESSION_ENDED = "session_ended"
    SESSION_REJECTED = "session_rejected"
    AUTHN_PROOF_SUCCESS = "authn_proof_success"
    AUTHN_TOKEN_FAIL = "authn_token_fail"  # noqa: S105
    SESSION_CONTEXT_CHANGED = "session_context_changed"
    CSRF_FAIL = "csrf_fail"
    HOST_FAIL = "host_fail"
    PROXY_UNDECLARED = "proxy_undeclared"
    REDIRECT_FAIL = "redirect_fail"
    CSP_VIOLATION = "csp_violation"
    SIGNATURE_FAIL = "signature_fail"
    STORE_UNAVAILABLE = "store_unavailable"
    PIPELINE_FAULT = "pipeline_fault"
    READ_ONLY_FAIL = "read_only_fail"
    AUDIT_FAIL = "audit_fail"
    AUDIT_PURGED = "audit_purged"
    MAIL_ABANDONED = "mail_abandoned"
    OUTBOUND_REFUSED = "outbound_refused"
    OUTBOUND_FAIL = "outbound_fail"
    TRIPWIRE = "tripwire"


_INFO_NAMES: Final = frozenset(
    {
        EventName.AUTHN_LOGIN_SUCCESS,
        EventName.AUTHN_LOGIN_SUCCESS_AFTER_FAIL,
        EventName.AUTHN_PROOF_SUCCESS,
        EventName.AUTHN_PASSWORD_CHANGE,
        EventName.AUTHN_TOKEN_CREATED,
        EventName.AUTHN_TOKEN_REVOKED,
        EventName.AUTHN_TOKEN_DELETE,
        EventName.UPLOAD_COMPLETE,
        EventName.UPLOAD_STORED,
        EventName.UPLOAD_DELETE,
        EventName.SENSITIVE_CREATE,
        EventName.SENSITIVE_READ,
        EventName.SENSITIVE_UPDATE,
        EventName.SENSITIVE_DELETE,
        EventName.SESSION_CREATED,
        EventName.SESSION_RENEWED,
        EventName.SESSION_EXPIRED,
        EventName.SESSION_ENDED,
        EventName.SYS_STARTUP,
        EventName.SYS_SHUTDOWN,
        EventName.SYS_RESTART,
        EventName.SYS_MONITOR_ENABLED,
        EventName.USER_CREATED,
        EventName.USER_UPDATED,
        EventName.USER_ARCHIVED,
        EventName.USER_DELETED,
        EventName.AUDIT_PURGED,
    }
)
"""Everything that is not in this set is logged as a warning, so that a new name is loud until somebody decides."""

_ERROR_NAMES: Final = frozenset(
    {EventName.SYS_CRASH, EventName.PIPELINE_FAULT, EventName.STORE_UNAVAILABLE, EventName.AUDIT_FAIL}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityEvent:
    """One thing that happened."""

    name: EventName
    at: datetime
    """Aware; written in UTC."""
    reason: str
    """The code of the rule, such as "csrf_token_wrong"; not a sentence, not an input value."""
    request_id: str = ""
    client_ip: str = ""
    user_id: str = ""
    """The public id, never a typed user name: people type their password there."""
    method: str = ""
    route: str = ""
    """The route's pattern, not the path of the request: paths carry tokens."""
    detail: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ConfigError("A security event needs an aware datetime; take it from Clock.now().")
        # A copy that nobody else holds: the event must not change between the emitter and a slow sink.
        object.__setattr__(self, "detail", MappingProxyType(dict(self.detail)))

    @property
    def level(self) -> int:
        """The level of the standard logging module."""
        if self.name in _ERROR_NAMES:
            return logging.ERROR
        return logging.INFO if self.name in _INFO_NAMES else logging.WARNING

    def to_json(self) -> str:
        """One line of ASCII; empty fields are left out."""
        moment = self.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        record: dict[str, object] = {"event": self.name.value, "at": moment, "reason": _cut(self.reason)}
        for name in ("request_id", "client_ip", "user_id", "method", "route"):
            if value := getattr(self, name):
                record[name] = _cut(value)
        if self.detail:
            record["detail"] = _safe_detail(self.detail)
        # ensure_ascii escapes all of C0, C1, U+2028/9 and the bidirectional controls; DEL is the one control character that
        # is ASCII and that JSON leaves alone.
        return json.dumps(record, ensure_ascii=True, separators=(",", ":")).replace("\x7f", "\\u007f")


def is_secret_name(name: str) -> bool:
    """Whether a value under this name must not be written to a log or an error page."""
    if len(name) > MAX_NAME_LENGTH:
        return True
    words = name.lower().translate(_SEPARATORS).split()
    folded = "".join(words)
    return any(part in folded for part in SECRET_NAME_PARTS) or not SECRET_NAME_WORDS.isdisjoint(words)


_SEPARATORS: Final = {ord(separator): " " for separator in "-_."}


def _safe_detail(detail: Mapping[str, str]) -> dict[str, str]:
    safe: dict[str, str] = {}
    for name, value in list(detail.items())[:MAX_DETAILS]:
        safe[_without_surrogates(name[:MAX_NAME_LENGTH])] = REDACTED if is_secret_name(name) else _cut(str(value))
    if len(detail) > MAX_DETAILS:
        safe["more"] = f"{len(detail) - MAX_DETAILS} details left out"
    return safe


def _cut(value: str) -> str:
    # One character more than fits goes on, so that the cut is seen; the length is bounded before any work on the text.
    value = _without_surrogates(value[: MAX_VALUE_LENGTH + 1])
    if len(value) <= MAX_VALUE_LENGTH:
        return value
    return value[: MAX_VALUE_LENGTH - len(CUT_MARK)] + CUT_MARK


def _without_surrogates(text: str) -> str:
    # A lone surrogate (a path decoded with "surrogateescape" has them) is written by json and refused by strict readers
    # of logs (RFC 7493 §2.1), and two that meet would read back as another character. The code is kept, as text.
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


class EventSink(Protocol):
    """Takes events; must not raise for what an event contains, and must not block the loop."""

    def emit(self, event: SecurityEvent) -> None:
        """Take one event."""
        ...


class LogSink:
    """Writes events as JSON lines to a logger of the standard library."""

    __slots__ = ("_logger",)

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self._logger = logging.getLogger(LOGGER_NAME) if logger is None else logger

    def emit(self, event: SecurityEvent) -> None:
        self._logger.log(event.level, "%s", event.to_json())


class MemorySink:
    """Keeps events in a list."""

    __slots__ = ("events",)

    def __init__(self) -> None:
        self.events: list[SecurityEvent] = []

    def emit(self, event: SecurityEvent) -> None:
        self.events.append(event)
