"""What is dear and the same in every test: a database with the framework's tables, made once, rules that cost little, and hashes.

Tests of the migrations and of the defaults do without this file.
"""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from fastness.auth.accounts import NewPassword
from fastness.auth.password_rules import PasswordRules
from fastness.auth.passwords import PasswordHasher
from fastness.db.engine import create_database_file
from fastness.db.migrations import upgrade
from fastness.mail.rules import MailBackend, MailRules

CHEAP_PASSWORDS = PasswordRules(memory_kib=7_168, time_cost=5)
"""As cheap as the rules allow, another row of OWASP's table than the default: a fifth of the time."""
CHEAP_PASSWORDS_ENVIRON = {
    "FASTNESS_PASSWORDS_MEMORY_KIB": str(CHEAP_PASSWORDS.memory_kib),
    "FASTNESS_PASSWORDS_TIME_COST": str(CHEAP_PASSWORDS.time_cost),
}
"""The same for a server."""
MAIL_IN_MEMORY = MailRules(backend=MailBackend.MEMORY, sender="noreply@shop.example", connections=1)
"""One connection: several would each look for the one mail there is. Tests of the delivery have more."""
SQLITE = "sqlite:///"


@cache
def hashed(password: str) -> NewPassword:
    """What `CHEAP_PASSWORDS` keep of a password, for people who are there before a test begins."""
    return NewPassword(PasswordHasher(CHEAP_PASSWORDS).hash(password))


def migrate(database_url: str) -> None:
    """What `upgrade` does with a database that is new; on SQLite a copy."""
    if not database_url.startswith(SQLITE):
        upgrade(database_url, None)
        return
    path = Path(database_url.removeprefix(SQLITE))
    create_database_file(path)
    path.write_bytes(_migrated_file())


@cache
def _migrated_file() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "data.sqlite3"
        upgrade(f"{SQLITE}{path}", None)
        return path.read_bytes()
