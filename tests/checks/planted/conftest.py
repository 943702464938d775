import logging

import pytest

from tests.checks.planted.project import forget, make_project


@pytest.fixture
def project(tmp_path, monkeypatch):
    loggers = [logging.getLogger(name) for name in ("", "fastness.security", "sqlalchemy.engine")]
    before = [(logger, logger.level, logger.disabled) for logger in loggers]
    forget()
    yield make_project(tmp_path, monkeypatch)
    forget()
    for logger, level, disabled in before:
        logger.setLevel(level)
        logger.disabled = disabled
