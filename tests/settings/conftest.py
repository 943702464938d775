import pytest

from fastness.kernel.tokens import random_token
from fastness.settings import sources
from fastness.settings.errors import SettingsError
from fastness.settings.settings import Settings


@pytest.fixture(autouse=True)
def no_container_secrets(monkeypatch, tmp_path):
    """The machine that runs the tests may be a container with secrets of its own."""
    monkeypatch.setattr(sources, "DEFAULT_SECRETS_FOLDER", tmp_path / "no-secrets")


@pytest.fixture
def key():
    return random_token(48)


@pytest.fixture
def load(tmp_path, key):
    """Load with a key and a host, unless the test gives others or takes them away with None."""

    def load_settings(environ=None, **overrides):
        base = {"FASTNESS_SECRET_KEY": key, "FASTNESS_HOSTS": "shop.example.com"}
        texts = {name: text for name, text in {**base, **(environ or {})}.items() if text is not None}
        return Settings.load(environ=texts, folder=tmp_path, **overrides)

    return load_settings


@pytest.fixture
def problems(load):
    """What a load complains about."""

    def problems_of_load(environ=None, **overrides):
        with pytest.raises(SettingsError) as caught:
            load(environ, **overrides)
        return caught.value.problems

    return problems_of_load
