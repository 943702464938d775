"""Fastness: a secure-by-default web framework.

The public names, each loaded when it is first used (PEP 562): `import fastness.kernel.csrf` loads the kernel and no
more, and a command that needs no database imports none. `__init__.pyi` says the same to type checkers and editors; a
test keeps the two equal.
"""

from types import MappingProxyType

from fastness.kernel.loading import load

__version__ = "0.1.0"

# Public name → the module it lives in; a module of the very name, without one in it, is itself what is exported.
HOMES = MappingProxyType(
    {
        "Actor": "fastness.authz.actors",
        "Because": "fastness.kernel.because",
        "Comparison": "fastness.web.filters",
        "ConfigError": "fastness.kernel.errors",
        "DeniedError": "fastness.kernel.errors",
        "Fastness": "fastness.app",
        "FastnessError": "fastness.kernel.errors",
        "FieldError": "fastness.web.inputerrors",
        "Filter": "fastness.web.filters",
        "HTMLResponse": "fastness.web.responses",
        "Identifiers": "fastness.db.sql",
        "Identity": "fastness.sessions.identity",
        "Input": "fastness.web.inputs",
        "InputRefusedError": "fastness.web.inputerrors",
        "InvalidInputError": "fastness.kernel.errors",
        "JSONResponse": "fastness.web.responses",
        "ListQuery": "fastness.web.listing",
        "Model": "fastness.db.model",
        "NotFoundError": "fastness.web.refusals",
        "Output": "fastness.web.outputs",
        "PasswordHash": "fastness.db.columns",
        "Permissions": "fastness.authz.permissions",
        "Policy": "fastness.authz.policies",
        "PublicID": "fastness.db.model",
        "Request": "fastness.web.requests",
        "Response": "fastness.web.responses",
        "Routes": "fastness.web.routing",
        "Secret": "fastness.kernel.secret",
        "SecretText": "fastness.db.columns",
        "Settings": "fastness.settings.settings",
        "TamperedError": "fastness.kernel.errors",
        "Transition": "fastness.authz.workflows",
        "UnavailableError": "fastness.kernel.errors",
        "WebSocket": "fastness.web.sockets",
        "Workflow": "fastness.authz.workflows",
        "access": "fastness.web.access",
        "derived": "fastness.web.outputs",
        "insecure_sql": "fastness.db.sql",
        "mounting": "fastness.web.mounting",
        "protect": "fastness.app",
        "rates": "fastness.web.rates",
        "redirect": "fastness.web.responses",
        "render": "fastness.web.rendering",
        "scoped": "fastness.authz.scope",
        "sql": "fastness.db.sql",
        "sql_fragment": "fastness.db.sql",
        "unscoped": "fastness.authz.scope",
        "validators": "fastness.web.validators",
    }
)


def __getattr__(name: str) -> object:
    home = HOMES.get(name)
    if home is None:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    module = load(home)
    value: object = getattr(module, name) if home.rpartition(".")[2] != name else getattr(module, name, module)
    globals()[name] = value  # the next access is an ordinary one
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *HOMES})
