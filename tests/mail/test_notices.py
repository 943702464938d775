"""Every notice that exists is sent by something."""

from pathlib import Path

import pytest

import fastness
from fastness.mail.notices import Notice

SOURCE = Path(fastness.__file__).parent


@pytest.fixture(scope="module")
def senders():
    """The source of what sends notices, each in the transaction of what it tells about."""
    folders = (SOURCE / name for name in ("auth", "accounts", "web", "cli"))
    return "\n".join(file.read_text(encoding="utf-8") for folder in folders for file in folder.rglob("*.py"))


@pytest.mark.parametrize("kind", Notice)
def test_each_notice_has_a_sender(senders, kind):
    assert f"Notice.{kind.name}" in senders
