"""Settings: defaults of the profiles, what stops the start, and that nothing shows a value."""

from dataclasses import fields, is_dataclass

import pytest

from fastness.kernel.errors import ConfigError
from fastness.kernel.headers import HeaderRules
from fastness.kernel.hosts import HostRules
from fastness.kernel.secret import Secret
from fastness.kernel.tokens import random_token
from fastness.sessions.rules import SessionRules
from fastness.settings.errors import SettingsError
from fastness.settings.profiles import DEVELOPMENT_DEFAULTS, Profile
from fastness.settings.settings import Settings


@pytest.mark.asvs("V15.2.3", "V13.4.2")
def test_production_is_what_runs_when_nobody_says_anything(load):
    settings = load()
    assert settings.profile is Profile.PRODUCTION
    assert settings.is_https_required
    assert settings.headers.hsts_seconds == HeaderRules().hsts_seconds
    assert (settings.session_cookie.name, settings.session_cookie.secure) == ("__Host-session", True)


def test_development_loosens_what_plain_http_on_one_machine_needs(load):
    settings = load({"FASTNESS_PROFILE": "development", "FASTNESS_HOSTS": None, "FASTNESS_PROJECT": "site"})
    assert settings.is_development
    assert settings.hosts.allowed == ("localhost", "127.0.0.1", "[::1]")
    assert not settings.is_https_required
    assert settings.headers.hsts_seconds is None
    assert (settings.session_cookie.name, settings.session_cookie.secure) == ("site-session", False)


@pytest.mark.asvs("V15.2.3")
def test_development_loosens_nothing_else(load, key):
    strict = load()
    loose = load({"FASTNESS_PROFILE": "development", "FASTNESS_HOSTS": None})
    different = {each.name for each in fields(Settings) if getattr(strict, each.name) != getattr(loose, each.name)}
    assert different - {"_keyring"} == {"profile", *DEVELOPMENT_DEFAULTS}


def test_one_field_of_a_group_leaves_the_profiles_others(load):
    settings = load({"FASTNESS_PROFILE": "development", "FASTNESS_HEADERS_REFERRER_POLICY": "no-referrer"})
    assert settings.headers.referrer_policy == "no-referrer"
    assert settings.headers.hsts_seconds is None


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        pytest.param({"FASTNESS_HOSTS": None}, "FASTNESS_HOSTS", id="no-hosts"),
        pytest.param({"FASTNESS_HOSTS": None}, "FASTNESS_PROFILE=development", id="a-command-on-ones-own-machine"),
        pytest.param({"FASTNESS_HOSTS": ""}, "FASTNESS_HOSTS", id="empty-hosts"),
        pytest.param({"FASTNESS_SECRET_KEY": None}, "fastness keys new", id="no-key"),
        pytest.param({"FASTNESS_SECRET_KEY": ""}, "FASTNESS_SECRET_KEY", id="empty-key"),
        pytest.param({"FASTNESS_SECRET_KEY": "short"}, "FASTNESS_SECRET_KEY", id="short-key"),
        pytest.param({"FASTNESS_SECRET_KEY": "ab" * 40}, "FASTNESS_SECRET_KEY", id="monotonous-key"),
        pytest.param(
            {"FASTNESS_SECRET_KEY": "django-insecure-" + "k3y9x" * 9}, "FASTNESS_SECRET_KEY", id="published-key"
        ),
        pytest.param({"FASTNESS_PREVIOUS_SECRET_KEYS": "short"}, "FASTNESS_PREVIOUS_SECRET_KEYS", id="weak-previous"),
        pytest.param({"FASTNESS_STORE_URL": "memory:"}, "FASTNESS_STORE_URL", id="memory-in-production"),
        pytest.param({"FASTNESS_STORE_URL": "redis://x"}, "FASTNESS_STORE_URL", id="unknown-store"),
        pytest.param({"FASTNESS_STORE_URL": "sqlite:///"}, "FASTNESS_STORE_URL", id="store-without-a-file"),
        pytest.param({"FASTNESS_DATABASE_URL": ""}, "FASTNESS_DATABASE_URL", id="no-database"),
        pytest.param({"FASTNESS_DEBUG_TOKEN": "x" * 40}, "FASTNESS_DEBUG_TOKEN", id="debug-token-in-production"),
        pytest.param({"FASTNESS_PROFILE": "prod"}, "FASTNESS_PROFILE", id="unknown-profile"),
        pytest.param({"FASTNESS_PROJECT": "My Shop"}, "FASTNESS_PROJECT", id="project-with-blank"),
        pytest.param({"FASTNESS_PROJECT": "a;b"}, "FASTNESS_PROJECT", id="project-with-semicolon"),
        pytest.param({"FASTNESS_APP": "app"}, "FASTNESS_APP", id="app-without-a-name"),
        pytest.param({"FASTNESS_APP": "os;x:y"}, "FASTNESS_APP", id="app-that-is-no-module"),
        pytest.param({"FASTNESS_SESION_IDLE_SECONDS": "9"}, "FASTNESS_SESSION_IDLE_SECONDS", id="misspelt"),
        pytest.param({"FASTNESS_COLOUR": "red"}, "FASTNESS_COLOUR", id="unknown"),
        pytest.param({"fastness_project": "x"}, "FASTNESS_PROJECT", id="lower-case"),
        pytest.param({"FASTNESS_CSP_INSECURE_EVAL": "true"}, "reason", id="an-exit-without-a-reason"),
        pytest.param({"FASTNESS_SESSION_IDLE_SECONDS": "0"}, "FASTNESS_SESSION_IDLE_SECONDS", id="refused-by-rules"),
        pytest.param({"FASTNESS_LIMITS_MAX_BODY_BYTES": "two"}, "whole number", id="no-number"),
        pytest.param({"FASTNESS_PROXY_TRUSTED": "*"}, "FASTNESS_PROXY_TRUSTED", id="everybody-a-proxy"),
    ],
)
def test_what_stops_the_start(problems, environ, name):
    (problem,) = problems(environ)
    assert name in problem


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({"FASTNESS_PROFILE": "development", "FASTNESS_STORE_URL": "memory:"}, id="memory-in-development"),
        pytest.param({"FASTNESS_PROFILE": "development", "FASTNESS_DEBUG_TOKEN": "x" * 40}, id="debug-token"),
        pytest.param({"FASTNESS_APP": "shop.web.app:create"}, id="app"),
        pytest.param({"FASTNESS_PROJECT": "my-shop-2"}, id="project"),
        pytest.param({"FASTNESS_CSP_INSECURE_EVAL": "the chart library of 2019"}, id="an-exit-with-a-reason"),
        pytest.param({"PATH": "/bin", "FASTNESSE_X": "1"}, id="other-programs"),
    ],
)
def test_what_does_not(load, environ):
    load(environ)


def test_all_problems_are_told_at_once(problems):
    found = problems(
        {
            "FASTNESS_SECRET_KEY": None,
            "FASTNESS_HOSTS": None,
            "FASTNESS_NONSENSE": "1",
            "FASTNESS_SESSION_IDLE_SECONDS": "-5",
            "FASTNESS_SESSION_MAX_BYTES": "0",
            "FASTNESS_IS_HTTPS_REQUIRED": "perhaps",
        },
        colour="red",
    )
    assert len(found) == 7


def test_values_that_contradict_each_other_name_both(problems):
    (problem,) = problems({"FASTNESS_SESSION_IDLE_SECONDS": "7200", "FASTNESS_SESSION_ABSOLUTE_SECONDS": "3600"})
    assert "FASTNESS_SESSION_IDLE_SECONDS" in problem
    assert "FASTNESS_SESSION_ABSOLUTE_SECONDS" in problem


SECRET = "Zq8-this-is-the-value-nobody-may-see"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("FASTNESS_HOSTS", id="hosts"),
        pytest.param("FASTNESS_PROFILE", id="profile"),
        pytest.param("FASTNESS_PROJECT", id="project"),
        pytest.param("FASTNESS_APP", id="app"),
        pytest.param("FASTNESS_STORE_URL", id="store"),
        pytest.param("FASTNESS_DATABASE_URL", id="database"),
        pytest.param("FASTNESS_DEBUG_TOKEN", id="debug-token"),
        pytest.param("FASTNESS_PROXY_TRUSTED", id="proxy"),
        pytest.param("FASTNESS_LIMITS_MAX_FIELDS", id="limits"),
        pytest.param("FASTNESS_CROSS_SITE_TRUSTED_ORIGINS", id="origins"),
        pytest.param("FASTNESS_REDIRECTS_ALLOWED_HOSTS", id="redirects"),
        pytest.param("FASTNESS_HEADERS_FRAMING", id="framing"),
        pytest.param("FASTNESS_HEADERS_REFERRER_POLICY", id="referrer"),
        pytest.param("FASTNESS_HEADERS_PERMISSIONS_POLICY", id="permissions"),
        pytest.param("FASTNESS_CSP_IMG_SRC", id="sources"),
        pytest.param("FASTNESS_CSP_REPORT_PATH", id="report-path"),
        pytest.param("FASTNESS_NO_SUCH_NAME", id="unknown"),
        pytest.param(f"FASTNESS_{SECRET}", id="value-as-name"),
    ],
)
@pytest.mark.parametrize("shape", ["{}", "ok.example.com,{} x", "'{}'", "*,{}/{}"])
def test_no_message_shows_a_value(load, name, shape):
    value = shape.replace("{}", SECRET)
    try:
        shown = repr(load({name: value, "FASTNESS_NONSENSE": SECRET}))
    except SettingsError as error:
        shown = f"{error} {error!r} {error.__cause__} {error.__context__}"
    assert SECRET.lower() not in shown.lower()


def test_repr_shows_no_key_and_no_address(load, key):
    settings = load({"FASTNESS_DATABASE_URL": f"sqlite:///{SECRET}.db"})
    assert key not in repr(settings)
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    ("overrides", "is_loaded"),
    [
        pytest.param({"hosts": HostRules(allowed=("a.example.com",))}, True, id="rules"),
        pytest.param({"hosts": ("a.example.com",)}, False, id="a-tuple-for-rules"),
        pytest.param({"secret_key": random_token(48)}, False, id="a-text-for-a-secret"),
        pytest.param({"secret_key": Secret(random_token(48))}, True, id="secret"),
        pytest.param({"previous_secret_keys": (random_token(48),)}, False, id="texts-for-secrets"),
        pytest.param({"previous_secret_keys": [Secret(random_token(48))]}, False, id="a-list-for-a-tuple"),
        pytest.param({"debug_token": "x" * 40, "profile": Profile.DEVELOPMENT}, False, id="a-text-for-a-token"),
        pytest.param({"profile": "production"}, False, id="a-text-for-a-profile"),
        pytest.param({"is_https_required": 1}, False, id="a-number-for-a-boolean"),
        pytest.param({"host": HostRules()}, False, id="no-such-name"),
        pytest.param({"_keyring": None}, False, id="a-private-name"),
    ],
)
def test_overrides_in_code(load, overrides, is_loaded):
    if is_loaded:
        load(**overrides)
    else:
        with pytest.raises(SettingsError):
            load(**overrides)


def test_the_code_wins_over_every_source(load):
    rules = SessionRules(idle_seconds=600)
    assert load({"FASTNESS_SESSION_IDLE_SECONDS": "900"}, session=rules).session == rules


def test_settings_made_by_hand_are_held_to_the_same_rules():
    with pytest.raises(SettingsError, match="FASTNESS_HOSTS"):
        Settings(secret_key=Secret(random_token(48)))


def test_the_profile_of_the_code_chooses_the_defaults(load):
    settings = load({"FASTNESS_HOSTS": None}, profile=Profile.DEVELOPMENT)
    assert settings.hosts.allowed[0] == "localhost"


def test_the_keyring_signs_with_the_current_key_and_believes_the_previous(load, key):
    old = load().keyring.sign("test", b"x")
    rotated = load({"FASTNESS_SECRET_KEY": random_token(48), "FASTNESS_PREVIOUS_SECRET_KEYS": key})
    assert rotated.keyring.verify("test", old, now=0) == b"x"
    assert rotated.keyring is rotated.keyring


def test_every_rules_field_has_a_default():
    for each in fields(Settings):
        if isinstance(each.type, type) and is_dataclass(each.type) and each.type is not Settings:
            each.type()


def test_settings_errors_are_config_errors():
    error = SettingsError(("one", "two"))
    assert isinstance(error, ConfigError)
    assert error.code == "settings"
    assert error.problems == ("one", "two")
