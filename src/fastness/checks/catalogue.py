"""All checks, and every kind of finding they can make, in one place.

The order of the checks is that of the report among findings of equal severity. A test holds the ids against the
reference; an id is never used again for something else.
"""

from typing import Final

from fastness.checks import (
    auditing,
    browsers,
    failures,
    lock,
    mail,
    migrations,
    permissions,
    profile,
    routes,
    rowsecurity,
    storage,
    templates,
    transport,
)
from fastness.checks.check import Check
from fastness.kernel.findings import Notice

CHECKS: Final[tuple[Check, ...]] = (
    profile.check_profile,
    profile.check_keys,
    profile.check_env_file,
    transport.check_https,
    transport.check_proxies,
    transport.check_hsts,
    transport.check_hosts,
    transport.check_databases,
    browsers.check_policy,
    browsers.check_framing,
    browsers.check_sessions,
    browsers.check_other_sites,
    storage.check_files,
    auditing.check_audit_log,
    storage.check_store,
    storage.check_isolation,
    storage.check_passwords,
    storage.check_limits,
    mail.check_mail,
    migrations.check_migrations,
    rowsecurity.check_row_security,
    routes.check_routes,
    permissions.check_permissions,
    lock.check_lock,
    templates.check_templates,
    templates.check_sources,
)

NOTICES: Final[tuple[Notice, ...]] = (
    *failures.NOTICES,
    *profile.NOTICES,
    *transport.NOTICES,
    *browsers.NOTICES,
    *storage.NOTICES,
    *auditing.NOTICES,
    *mail.NOTICES,
    *migrations.NOTICES,
    *rowsecurity.NOTICES,
    *routes.NOTICES,
    *permissions.NOTICES,
    *lock.NOTICES,
    *templates.NOTICES,
)
