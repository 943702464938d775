"""Make the database that the tests import from, with Django 6.1 itself: `python -m scripts.django_database`.

It needs `pip install "django[argon2,bcrypt]>=6.1,<6.2"` on Python 3.12 or newer, and writes `tests/vectors/django61.sql`. Tests
only read that file, so that they need no Django.
"""

import sqlite3
import tempfile
from pathlib import Path

import django
from django.conf import settings
from django.contrib.auth.hashers import make_password

TARGET = Path(__file__).parent.parent / "tests" / "vectors" / "django61.sql"
PASSWORD = "correct horse battery staple"  # noqa: S105 - of nobody
FORMATS = {
    "pbkdf2": "PBKDF2PasswordHasher",
    "pbkdf2-sha1": "PBKDF2SHA1PasswordHasher",
    "argon2": "Argon2PasswordHasher",
    "bcrypt-sha256": "BCryptSHA256PasswordHasher",
    "bcrypt": "BCryptPasswordHasher",
    "scrypt": "ScryptPasswordHasher",
    "md5": "MD5PasswordHasher",
}
KEPT = ("auth_", "django_content_type")


def main() -> None:
    """Migrate an empty database, fill it through Django's models, and write it as SQL."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "db.sqlite3"
        settings.configure(
            DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)}},
            INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
            PASSWORD_HASHERS=[f"django.contrib.auth.hashers.{name}" for name in FORMATS.values()],
            DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
            USE_TZ=True,
        )
        django.setup()
        fill()
        with sqlite3.connect(path) as database:
            lines = [line for line in database.iterdump() if any(f'"{kept}' in line for kept in KEPT)]
    head = f"-- Made by Django {django.get_version()} with scripts/django_database.py; every password is the same.\n"
    TARGET.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")


def fill() -> None:
    """People with a hash of each format, groups and permissions."""
    from django.contrib.auth.models import Group, Permission, User  # noqa: PLC0415 - after setup
    from django.contrib.contenttypes.models import ContentType  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    kind = ContentType.objects.create(app_label="cases", model="case")
    add = Permission.objects.create(content_type=kind, codename="add_note", name="Can add note")
    close = Permission.objects.create(content_type=kind, codename="close_case", name="Can close case")
    editors = Group.objects.create(name="Case Editors")
    editors.permissions.add(add, close)
    Group.objects.create(name="superuser")
    for name in FORMATS:
        algorithm = (
            name.replace("-", "_").replace("pbkdf2", "pbkdf2_sha256") if name == "pbkdf2" else name.replace("-", "_")
        )
        user = User.objects.create(username=name, password=make_password(PASSWORD, hasher=algorithm))
        user.groups.add(editors)
    User.objects.create(
        username="ada",
        password=make_password(PASSWORD, hasher="argon2"),
        first_name="Ada",
        last_name="Lovelace",
        email="Ada@Example.com",
        is_staff=True,
    ).user_permissions.add(close)
    User.objects.create(username="ADA", password=make_password(PASSWORD, hasher="argon2"))
    User.objects.create(username="boss", password=make_password(PASSWORD, hasher="argon2"), is_superuser=True)
    User.objects.create(username="unusable", password=make_password(None), email="nobody")
    User.objects.create(username="closed", password=make_password(PASSWORD, hasher="scrypt"), is_active=False)
    User.objects.create(username="foreign", password="crypt$$abcdefghijklm")  # noqa: S106


if __name__ == "__main__":
    main()
