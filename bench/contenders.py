"""Who takes part: one entry per framework, server and configuration.

The servers run as their documentation says for production, with one worker and no access log. uvicorn and granian run on
uvloop, uvicorn with httptools, for everybody.
"""

from dataclasses import dataclass

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


CONTENDERS = (
    _raw("uvicorn", _UVICORN),
    _raw("granian", _GRANIAN),
)
