"""Who takes part: one entry per framework, server and configuration.

The servers run as their documentation says for production, with one worker and no access log. uvicorn and granian run on
uvloop, uvicorn with httptools, for everybody.
"""

from dataclasses import dataclass

from bench.data import SECRET_KEY

_UVICORN = (
    "-m", "uvicorn", "{app}", "--host", "127.0.0.1", "--port", "{{port}}", "--loop", "uvloop", "--http", "httptools",
    "--no-access-log", "--log-level", "warning",
)  # fmt: skip
_GRANIAN = (
    "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", "{{port}}", "--workers", "1",
    "--loop", "uvloop", "--no-access-log", "--log-level", "warning", "{app}",
)  # fmt: skip
_GUNICORN = (
    "-m", "gunicorn", "{app}", "--bind", "127.0.0.1:{{port}}", "--workers", "1", "--worker-class", "sync",
    "--timeout", "120", "--log-level", "warning",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A framework on a server in one configuration."""

    name: str
    """Short and unique, for `--only` and the results file."""
    label: str
    """What the table calls it."""
    framework: str
    server: str
    venv: str
    app: str
    """The folder of its database; contenders of one application share it."""
    seeder: str
    """The module whose `seed(folder)` writes the database."""
    command: tuple[str, ...]
    python_path: tuple[str, ...] = (".",)
    variables: tuple[tuple[str, str], ...] = ()
    login_path: str = "/login"
    has_bare: bool = True
    """Whether it can be asked to do nothing but answer; Fastness cannot."""
    is_reference: bool = False
    """Whether the others on the same server are divided by it."""


def _on(server: tuple[str, ...], app: str) -> tuple[str, ...]:
    return tuple(part.format(app=app) for part in server)


def _raw(server: str, command: tuple[str, ...]) -> Contender:
    return Contender(
        name=f"raw-{server}",
        label="hand-written ASGI",
        framework="raw",
        server=server,
        venv="raw",
        app="raw",
        seeder="bench.apps.raw_store",
        command=_on(command, "bench.apps.raw_app:app"),
        is_reference=True,
    )


def _fastness(server: str, command: tuple[str, ...]) -> Contender:
    return Contender(
        name=f"fastness-{server}",
        label="Fastness",
        framework="Fastness",
        server=server,
        venv="fastness",
        app="fastness",
        seeder="bench.apps.fastness_models",
        command=_on(command, "bench.apps.fastness_app:app"),
        python_path=(".", "src"),
        login_path="/account/sign-in",
        has_bare=False,
    )


def _django(
    name: str, label: str, *, connections: str, command: tuple[str, ...], variables: dict[str, str]
) -> Contender:
    return Contender(
        name=name,
        label=label,
        framework="Django",
        server="uvicorn" if "uvicorn" in command else "gunicorn",
        venv="django",
        app="django",
        seeder="bench.apps.django_site.database",
        command=command,
        variables=(("BENCH_DJANGO_CONNECTIONS", connections), *variables.items()),
    )


def _fastapi(server: str, command: tuple[str, ...], *, style: str) -> Contender:
    return Contender(
        name=f"fastapi-{style}-{server}",
        label=f"FastAPI, {'async ORM' if style == 'async' else 'sync ORM in threads'}",
        framework="FastAPI",
        server=server,
        venv="fastapi",
        app="fastapi",
        seeder="bench.apps.orm_models",
        command=_on(command, f"bench.apps.fastapi_{style}:app"),
    )


def _litestar(server: str, command: tuple[str, ...], *, user: str) -> Contender:
    return Contender(
        name=f"litestar-{user}-{server}",
        label=f"Litestar, user by {'async ORM' if user == 'orm' else 'sqlite3'}",
        framework="Litestar",
        server=server,
        venv="litestar",
        app="litestar",
        seeder="bench.apps.orm_models",
        command=_on(command, "bench.apps.litestar_app:app"),
        variables=(("BENCH_LITESTAR_USER", user),),
    )


_WSGI = _on(_GUNICORN, "bench.apps.django_site.wsgi:application")
_ASGI = _on(_UVICORN, "bench.apps.django_site.asgi:application")

CONTENDERS = (
    _raw("uvicorn", _UVICORN),
    _fastness("uvicorn", _UVICORN),
    _litestar("uvicorn", _UVICORN, user="driver"),
    _litestar("uvicorn", _UVICORN, user="orm"),
    _fastapi("uvicorn", _UVICORN, style="async"),
    _fastapi("uvicorn", _UVICORN, style="threads"),
    _django(
        "django-asgi", "Django ASGI", connections="default", command=_ASGI, variables={"BENCH_DJANGO_VIEWS": "async"}
    ),
    _raw("granian", _GRANIAN),
    _fastness("granian", _GRANIAN),
    _litestar("granian", _GRANIAN, user="driver"),
    _fastapi("granian", _GRANIAN, style="async"),
    _django("django-wsgi", "Django WSGI", connections="default", command=_WSGI, variables={}),
    _django("django-wsgi-kept", "Django WSGI, kept connection", connections="kept", command=_WSGI, variables={}),
    _django(
        "django-wsgi-kept-jinja",
        "Django WSGI, kept connection, Jinja2",
        connections="kept",
        command=_WSGI,
        variables={"BENCH_DJANGO_TEMPLATES": "jinja2"},
    ),
)

RUSH = (
    "fastness-granian", "fastness-uvicorn", "raw-granian", "litestar-driver-uvicorn", "fastapi-async-uvicorn",
    "fastapi-threads-uvicorn", "django-asgi", "django-wsgi-kept",
)  # fmt: skip
"""Who is watched while twenty people sign in."""


_LABELS = {
    "raw": "hand-written ASGI",
    "fastness": "Fastness",
    "starlette": "Starlette",
    "litestar": "Litestar",
    "fastapi": "FastAPI",
}


def _hello(framework: str, venv: str, server: str, command: tuple[str, ...], **more: str) -> Contender:
    path = (".", "src") if venv == "fastness" else (".",)
    return Contender(
        name=f"hello-{framework}-{server}",
        label=f"{_LABELS[framework]}, hello",
        framework=framework,
        server=server,
        venv=venv,
        app=venv,
        seeder="",
        command=_on(command, "bench.apps.hello:app"),
        python_path=path,
        variables=(("BENCH_HELLO", framework), *more.items()),
    )


_DEMO = Contender(
    name="demo-granian",
    label="Fastness, the demo's sign-in page",
    framework="fastness",
    server="granian",
    venv="fastness",
    app="casebook",
    seeder="",
    command=_on(_GRANIAN, "casebook.app:app"),
    python_path=("examples/casebook", "src"),
    variables=(
        ("FASTNESS_HOSTS", "bench.test"),
        ("FASTNESS_IS_HTTPS_REQUIRED", "false"),
        ("FASTNESS_SECRET_KEY", SECRET_KEY),
        ("FASTNESS_DATABASE_URL", "sqlite:///.bench/run/casebook/data.sqlite3"),
        ("FASTNESS_STORE_URL", "sqlite:///.bench/run/casebook/store.sqlite3"),
    ),
)

STARTERS = (
    (_hello("raw", "raw", "uvicorn", _UVICORN), "/json"),
    (_hello("raw", "raw", "granian", _GRANIAN), "/json"),
    (_hello("fastness", "fastness", "uvicorn", _UVICORN), "/json"),
    (_hello("fastness", "fastness", "granian", _GRANIAN), "/json"),
    (_DEMO, "/account/sign-in"),
    (_hello("starlette", "fastapi", "uvicorn", _UVICORN), "/json"),
    (_hello("litestar", "litestar", "uvicorn", _UVICORN), "/json"),
    (_hello("fastapi", "fastapi", "uvicorn", _UVICORN), "/json"),
    (
        _django("hello-django-gunicorn", "Django WSGI, hello", connections="kept", command=_WSGI, variables={}),
        "/json",
    ),
)
"""What is started for the time to the first response, and the path that is asked for."""
