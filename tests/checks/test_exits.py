"""Every `insecure_…` of the settings is told of, once, with its reason."""

from dataclasses import fields, is_dataclass, replace

import pytest

from fastness.checks.check import Deployment
from fastness.checks.exits import PREFIX
from fastness.checks.runner import run_checks
from fastness.kernel.because import Because
from fastness.kernel.hosts import HostRules
from fastness.kernel.secret import Secret
from fastness.kernel.tokens import random_token
from fastness.mail.rules import MailBackend, MailRules, MailSecurity
from fastness.settings.settings import Settings

REASON = Because("a partner's machine that is replaced in spring")
VERIFIES_NOTHING = "postgresql://app@db.example.com/app?sslmode=require"
CLEAR = MailRules(
    backend=MailBackend.SMTP, host="smtp.example.com", sender="a@example.com", security=MailSecurity.PLAINTEXT
)


def settings_with(group, name):
    settings = Settings(secret_key=Secret(random_token(48)), hosts=HostRules(allowed=("shop.example.com",)))
    rules = CLEAR if group == "mail" else getattr(settings, group)
    changed = replace(settings, **{group: replace(rules, **{name: REASON})})
    # An exit that is not used is not one: the database's counts where an address takes it.
    return replace(changed, store_url=VERIFIES_NOTHING) if group == "database" else changed


EXITS = [
    (group.name, each.name)
    for group in fields(Settings)
    if is_dataclass(group.type)
    for each in fields(group.type)
    if each.name.startswith(PREFIX)
]


@pytest.mark.parametrize(("group", "name"), EXITS)
def test_an_exit_is_told_of_once_with_its_reason(tmp_path, group, name):
    report = run_checks(Deployment(settings=settings_with(group, name), folder=tmp_path))
    told = [finding for finding in report.findings if REASON.text in f"{finding.detail} {finding.where}"]
    assert len(told) == 1


def test_there_are_some():
    assert len(EXITS) >= 10
