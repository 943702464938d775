"""Write Django's database: its tables, the accounts, and for each the twenty notes of the page."""

import os
from pathlib import Path

import django
from django.contrib.auth import get_user_model
from django.core.management import call_command

from bench import data

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.apps.django_site.settings")
django.setup()

from bench.apps.django_site.models import Note  # noqa: E402 - a Django model can be imported only after setup()


def seed(folder: Path) -> None:
    """Create the tables and fill them."""
    call_command("migrate", run_syncdb=True, verbosity=0)
    users = get_user_model()
    for account in data.ACCOUNTS:
        user = users.objects.create_user(account.username, password=account.password, first_name=account.display_name)
        Note.objects.bulk_create(Note(owner=user, author=row.author, text=row.text) for row in data.ROWS)
