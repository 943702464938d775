"""Django's settings, from its project template and its deployment checklist.

What the environment varies: whether connections are kept (`CONN_MAX_AGE`), which template engine renders the page, and
the bare mode, which has no middleware at all.
"""

import os
from pathlib import Path

from django.utils.csp import CSP

from bench import data

DEBUG = False
SECRET_KEY = data.SECRET_KEY
ALLOWED_HOSTS = [data.HOST_NAME]
ROOT_URLCONF = "bench.apps.django_site.urls"
WSGI_APPLICATION = "bench.apps.django_site.wsgi.application"
ASGI_APPLICATION = "bench.apps.django_site.asgi.application"
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "bench.apps.django_site",
]

MIDDLEWARE = (
    []
    if data.is_bare()
    else [
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.csp.ContentSecurityPolicyMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ]
)

_FOLDER = Path(__file__).parent
_CONTEXT = [
    "django.template.context_processors.request",
    "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
    "django.template.context_processors.csp",
]
_DJANGO = {
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "DIRS": [_FOLDER / "templates"],
    "APP_DIRS": True,
    "OPTIONS": {"context_processors": _CONTEXT},
}
_JINJA = {
    "BACKEND": "django.template.backends.jinja2.Jinja2",
    "DIRS": [_FOLDER.parent / "templates"],
    "OPTIONS": {"auto_reload": False},
}
IS_JINJA = os.environ.get("BENCH_DJANGO_TEMPLATES") == "jinja2"
TEMPLATES = [_JINJA if IS_JINJA else _DJANGO]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": data.run_folder() / "django.sqlite3",
        "CONN_MAX_AGE": None if os.environ.get("BENCH_DJANGO_CONNECTIONS") == "kept" else 0,
        # The same log and durability for everybody, in the way that Django's documentation gives for SQLite.
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 5,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        },
    }
}

PASSWORD_HASHERS = ["bench.apps.django_site.hashers.SharedArgon2Hasher"]
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.NONCE, CSP.STRICT_DYNAMIC],
    "style-src": [CSP.SELF, CSP.NONCE],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "object-src": [CSP.NONE],
}
LOGIN_URL = "/login"
