import hashlib
import logging

import pytest

from fastness.html.environment import TemplateEnvironment
from fastness.html.inventory import TemplateFinding, inspect, template_names
from tests.checks.planted.project import forget, make_project


@pytest.fixture
def project(tmp_path, monkeypatch):
    loggers = [logging.getLogger(name) for name in ("", "fastness.security", "sqlalchemy.engine")]
    before = [(logger, logger.level, logger.disabled) for logger in loggers]
    forget()
    monkeypatch.setattr("fastness.web.templates.inspect", inspect_once)
    yield make_project(tmp_path, monkeypatch)
    forget()
    for logger, level, disabled in before:
        logger.setLevel(level)
        logger.disabled = disabled


CLEAN: set[str] = set()


def inspect_once(environment: TemplateEnvironment) -> list[TemplateFinding]:
    """Templates that were found clean are not looked at again; most tests here plant their mistake elsewhere."""
    names = template_names(environment.loader)
    sources = [(name, environment.loader.get_source(environment, name)[0]) for name in names]
    known = [sorted(each) for each in (environment.filters, environment.tests, environment.globals)]
    key = hashlib.sha256(repr((environment.salt(), environment.rules, known, sources)).encode()).hexdigest()
    found = [] if key in CLEAN else inspect(environment)
    if not found:
        CLEAN.add(key)
    return found
