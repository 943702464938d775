"""One mistake in the settings of a deployment, found by its id."""

import pytest

from fastness.cli.keys import make_key
from fastness.kernel.tokens import random_token
from tests.checks.planted.project import ALWAYS, REASON

SAME_KEY = make_key()
AT_A_DESK = {"PROFILE": "development", "HEADERS_HSTS_PRELOAD": "false"}
NOWHERE = "postgresql://app@/app?host=/nowhere"

MISTAKES = [
    ("FST-SETTINGS-001", "a-short-key", {"SECRET_KEY": "short"}),
    (
        "FST-SETTINGS-001",
        "a-key-from-a-tutorial",
        {"SECRET_KEY": "django-insecure-0123456789abcdefghijklmnopqrstuvwxyz"},
    ),
    ("FST-SETTINGS-001", "a-misspelt-setting", {"HEADERS_HSTS_SECOND": "0"}),
    ("FST-SETTINGS-001", "cheap-hashes", {"PASSWORDS_MEMORY_KIB": "8192"}),
    ("FST-SETTINGS-001", "hosts-of-a-whole-registry", {"HOSTS": ".com"}),
    ("FST-SETTINGS-001", "any-host", {"HOSTS": "*"}),
    ("FST-SETTINGS-001", "no-host", {"HOSTS": ""}),
    ("FST-SETTINGS-001", "sessions-in-memory", {"STORE_URL": "memory:"}),
    ("FST-SETTINGS-001", "a-debug-token", {"DEBUG_TOKEN": SAME_KEY}),
    ("FST-SETTINGS-002", "development", {**AT_A_DESK, "HOSTS": "localhost"}),
    ("FST-SETTINGS-003", "development-for-others", AT_A_DESK),
    ("FST-SETTINGS-004", "a-previous-key", {"PREVIOUS_SECRET_KEYS": make_key()}),
    ("FST-SETTINGS-006", "servers-inside-the-network", {"OUTBOUND_INSECURE_ALLOW_PRIVATE": REASON}),
    ("FST-OUTBOUND-001", "any-server-is-asked", {"OUTBOUND_INSECURE_ANY_HOST": REASON}),
    ("FST-OUTBOUND-002", "servers-without-tls", {"OUTBOUND_INSECURE_PLAINTEXT": REASON}),
    ("FST-TRIPWIRES-001", "no-tripwires", {"TRIPWIRES_INSECURE_OFF": REASON}),
    ("FST-KEYS-001", "an-old-key", {"SECRET_KEY": f"k20200229.{random_token(48)}"}),
    ("FST-KEYS-002", "a-key-without-a-day", {"SECRET_KEY": random_token(48)}),
    ("FST-KEYS-003", "a-rotation-that-changed-nothing", {"SECRET_KEY": SAME_KEY, "PREVIOUS_SECRET_KEYS": SAME_KEY}),
    ("FST-HTTPS-001", "http", {"IS_HTTPS_REQUIRED": "false"}),
    ("FST-PROXY-001", "no-proxy", {"PROXY_TRUSTED": ""}),
    ("FST-PROXY-002", "half-the-world-is-a-proxy", {"PROXY_TRUSTED": "128.0.0.0/1"}),
    ("FST-PROXY-003", "counted-proxies", {"PROXY_TRUSTED": "", "PROXY_HOP_COUNT": "1"}),
    ("FST-HEADERS-001", "no-hsts", {"HEADERS_HSTS_PRELOAD": "false", "HEADERS_HSTS_SECONDS": "none"}),
    ("FST-HEADERS-001", "an-hour-of-hsts", {"HEADERS_HSTS_PRELOAD": "false", "HEADERS_HSTS_SECONDS": "3600"}),
    ("FST-HEADERS-002", "hsts-for-one-name", {"HEADERS_HSTS_PRELOAD": "false", "HEADERS_HSTS_SUBDOMAINS": "false"}),
    ("FST-HEADERS-003", "frames", {"HEADERS_FRAMING": "same-origin"}),
    ("FST-HEADERS-004", "no-preload", {"HEADERS_HSTS_PRELOAD": "false"}),
    ("FST-HEADERS-005", "addresses-for-others", {"HEADERS_REFERRER_POLICY": "origin-when-cross-origin"}),
    ("FST-HEADERS-005", "a-hand-on-windows", {"HEADERS_COOP": "same-origin-allow-popups"}),
    ("FST-HEADERS-005", "files-for-others", {"HEADERS_CORP": "cross-origin"}),
    ("FST-HOSTS-001", "localhost", {"HOSTS": "shop.example.com,localhost"}),
    ("FST-HOSTS-002", "all-subdomains", {"HOSTS": ".example.com"}),
    ("FST-HOSTS-003", "a-registry", {"HOSTS": ".co.uk"}),
    ("FST-HOSTS-003", "a-platform", {"HOSTS": ".herokuapp.com"}),
    ("FST-HOSTS-003", "a-platform-to-be-sent-to", {"REDIRECTS_ALLOWED_HOSTS": ".github.io"}),
    ("FST-HOSTS-004", "an-address", {"HOSTS": "shop.example.com,203.0.113.7"}),
    ("FST-CSP-001", "inline", {"CSP_STYLE_SRC": "'self','unsafe-inline'", "CSP_INSECURE_INLINE": REASON}),
    ("FST-CSP-002", "eval", {"CSP_SCRIPT_SRC": "'nonce','unsafe-eval'", "CSP_INSECURE_EVAL": REASON}),
    ("FST-CSP-003", "a-whole-scheme", {"CSP_IMG_SRC": "https:", "CSP_INSECURE_WILDCARDS": REASON}),
    ("FST-CSP-004", "no-trusted-types", {"CSP_INSECURE_NO_TRUSTED_TYPES": REASON}),
    ("FST-CSP-005", "scripts-by-host", {"CSP_SCRIPT_SRC": "'self'"}),
    ("FST-CSP-006", "everybodys-packages", {"CSP_SCRIPT_SRC": "'nonce',https://cdn.jsdelivr.net"}),
    ("FST-CSP-006", "everybodys-files", {"CSP_SCRIPT_SRC": "'nonce',https://shop.s3.amazonaws.com/js/"}),
    ("FST-CSP-007", "a-source-without-tls", {"CSP_IMG_SRC": "'self',http://img.example.com"}),
    ("FST-CSP-008", "plug-ins", {"CSP_OBJECT_SRC": "'self'"}),
    ("FST-CSP-008", "base-elements", {"CSP_BASE_URI": ""}),
    ("FST-CSP-008", "frames-of-anybody", {"CSP_FRAME_ANCESTORS": ""}),
    ("FST-CSP-008", "forms-to-anywhere", {"CSP_FORM_ACTION": ""}),
    ("FST-CSP-008", "no-fallback", {"CSP_DEFAULT_SRC": ""}),
    ("FST-CSP-009", "no-reports", {"CSP_REPORT_PATH": "none"}),
    ("FST-SESSIONS-002", "two-hours-more", {"SESSION_ABSOLUTE_SECONDS": "50400"}),
    ("FST-SESSIONS-003", "a-day-without-use", {"SESSION_IDLE_SECONDS": "43200"}),
    ("FST-SESSIONS-003", "two-months", {"SESSION_REMEMBER_SECONDS": "5184000"}),
    ("FST-SESSIONS-004", "another-browser-passes", {"SESSION_BROWSER_CHANGE": "off"}),
    ("FST-SITES-001", "a-trusted-site", {"CROSS_SITE_TRUSTED_ORIGINS": "https://forms.example.com"}),
    ("FST-SITES-002", "a-trusted-site-without-tls", {"CROSS_SITE_TRUSTED_ORIGINS": "http://forms.example.com"}),
    ("FST-THROTTLE-001", "a-looser-throttle", {"THROTTLE_PAIR_ATTEMPTS": "10"}),
    ("FST-THROTTLE-001", "shorter-waits", {"THROTTLE_MAX_DELAY_SECONDS": "300"}),
    (
        "FST-THROTTLE-002",
        "no-throttle",
        {f"THROTTLE_{name}_ATTEMPTS": "100000" for name in ("ACCOUNT", "PAIR", "DEVICE")},
    ),
    ("FST-THROTTLE-002", "a-guess-a-second", {"THROTTLE_MAX_DELAY_SECONDS": "1"}),
    ("FST-FACTORS-001", "nobody-needs-a-second-factor", {"SECOND_FACTORS_INSECURE_UNENFORCED": REASON}),
    ("FST-ACCOUNTS-001", "open-sign-up", {"ACCOUNTS_SIGN_UP": "true"}),
    ("FST-ACCOUNTS-002", "a-day-for-a-reset", {"ACCOUNTS_RESET_MINUTES": "1440"}),
    ("FST-TOKENS-001", "tokens-for-ten-years", {"TOKENS_MAX_DAYS": "3650"}),
    ("FST-PASSWORDS-001", "cheaper-hashes", {"PASSWORDS_MEMORY_KIB": "19456"}),
    ("FST-PASSWORDS-002", "short-passwords", {"PASSWORDS_MIN_LENGTH": "10"}),
    ("FST-PASSWORDS-003", "old-hashes", {"PASSWORDS_ACCEPTS_DJANGO": "true"}),
    ("FST-PASSWORDS-004", "kinds-of-characters", {"PASSWORDS_MIN_KINDS": "4"}),
    ("FST-PASSWORDS-005", "the-pepper-is-the-key", {"SECRET_KEY": SAME_KEY, "PASSWORDS_PEPPER": SAME_KEY}),
    ("FST-PASSWORDS-006", "bcrypt", {"PASSWORDS_HASHING": "bcrypt"}),
    ("FST-LIMITS-001", "a-gigabyte-of-body", {"LIMITS_MAX_BODY_BYTES": "1000000000"}),
    ("FST-AUDITLOG-001", "no-audit-log", {"AUDIT_URL": "off"}),
    ("FST-AUDITLOG-002", "a-shared-audit-log", {"AUDIT_URL": "sqlite:///var/store.sqlite3"}),
    ("FST-AUDITLOG-003", "events-for-a-week", {"AUDIT_KEEP_DAYS": "7"}),
    ("FST-MAIL-001", "no-mail", {"MAIL_BACKEND": "none"}),
    ("FST-MAIL-002", "no-mail-server", {"MAIL_HOST": ""}),
    ("FST-MAIL-003", "mail-in-the-clear", {"MAIL_SECURITY": "plaintext", "MAIL_INSECURE_PLAINTEXT": REASON}),
    (
        "FST-MAIL-004",
        "a-mail-password-in-the-clear",
        {"MAIL_SECURITY": "plaintext", "MAIL_INSECURE_PLAINTEXT": REASON, "MAIL_PASSWORD": "p"},
    ),
    ("FST-FILES-002", "one-file-for-both", {"STORE_URL": "sqlite:///var/data.sqlite3"}),
    ("FST-STORES-001", "memory", {**AT_A_DESK, "HOSTS": "localhost", "STORE_URL": "memory:"}),
    ("FST-STORES-002", "sessions-on-one-machine", {"DATABASE_URL": NOWHERE}),
    ("FST-DATABASE-003", "a-database-that-is-away", {"DATABASE_URL": NOWHERE, "STORE_URL": NOWHERE}),
    ("FST-DATABASE-004", "lost-updates", {"DATABASE_URL": NOWHERE, "DATABASE_ISOLATION": "read committed"}),
    (
        "FST-DATABASE-005",
        "a-database-that-is-not-verified",
        {"STORE_URL": "postgresql://a@db.example.com/a?sslmode=require", "DATABASE_INSECURE_UNVERIFIED_TLS": REASON},
    ),
    (
        "FST-DATABASE-005",
        "an-audit-log-that-is-not-verified",
        {"AUDIT_URL": "postgresql://a@db.example.com/a?sslmode=require", "DATABASE_INSECURE_UNVERIFIED_TLS": REASON},
    ),
    ("FST-DATABASE-010", "lost-commits", {"DATABASE_IS_POWER_CUT_SAFE": "false"}),
]


def test_without_a_mistake_nothing_is_found(project):
    assert project.found() == ALWAYS


@pytest.mark.parametrize(
    ("name", "settings"), [pytest.param(name, settings, id=f"{name}-{what}") for name, what, settings in MISTAKES]
)
def test_a_mistake_in_the_settings_is_found(project, name, settings):
    project.configure(**settings)
    assert name in project.found()
