"""What an app loads before it has answered anybody: the first response waits for all of it."""

import subprocess
import sys

LATE = (
    "sqlalchemy",
    "alembic",
    "asyncpg",
    "jinja2",
    "argon2",
    "bcrypt",
    "cryptography",
    "webauthn",
    "segno",
    "aiosmtplib",
)


def test_the_app_is_imported_without_what_its_first_response_does_not_need():
    script = f"import sys, fastness.app; print(*(name for name in {LATE} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
