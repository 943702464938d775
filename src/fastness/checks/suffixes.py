"""Domains below which other people have names or files of their own.

A suffix of hosts that reaches into one of them holds the attacker's name as well. The lists are short and our own: the
registries' second levels by rule, and the platforms that many deployments begin on. They cannot be complete (the Public
Suffix List has some 9 000 entries, and changes); what is missing here is not found, nothing that is here is wrong.

ASVS 5.0: V3.5.1, V4.1.3 (names of others are not trusted).
"""

from collections.abc import Iterable
from typing import Final

PLATFORMS: Final = frozenset(
    {
        "amazonaws.com",
        "appspot.com",
        "azurewebsites.net",
        "azurestaticapps.net",
        "blogspot.com",
        "cloudapp.azure.com",
        "cloudapp.net",
        "cloudfront.net",
        "firebaseapp.com",
        "fly.dev",
        "github.io",
        "gitlab.io",
        "herokuapp.com",
        "netlify.app",
        "ngrok.app",
        "ngrok.io",
        "ngrok-free.app",
        "onrender.com",
        "pages.dev",
        "pythonanywhere.com",
        "railway.app",
        "readthedocs.io",
        "repl.co",
        "run.app",
        "trycloudflare.com",
        "vercel.app",
        "web.app",
        "workers.dev",
    }
)
"""Anybody can have a name below these."""

EVERYBODYS_SCRIPTS: Final = PLATFORMS | {
    "ajax.googleapis.com",
    "storage.googleapis.com",
    "www.googleapis.com",
    "accounts.google.com",
    "www.google.com",
    "www.gstatic.com",
    "cdn.jsdelivr.net",
    "cdnjs.cloudflare.com",
    "esm.run",
    "esm.sh",
    "raw.githubusercontent.com",
    "rawcdn.githack.com",
    "cdn.statically.io",
    "cdn.skypack.dev",
    "unpkg.com",
    "yastatic.net",
    "graph.facebook.com",
    "api.twitter.com",
}
"""Hosts that serve any package, any user's file, or answers of which the asker names the function."""

_SECOND_LEVELS: Final = frozenset({"ac", "co", "com", "edu", "gov", "ltd", "ne", "net", "or", "org"})


def is_shared(name: str) -> bool:
    """Whether names directly below this one belong to different people: `co.uk`, `github.io`."""
    first, _, rest = name.lower().partition(".")
    return name.lower() in PLATFORMS or (first in _SECOND_LEVELS and len(rest) == 2 and rest.isalpha())


def is_below(name: str, domains: Iterable[str]) -> bool:
    """Whether the name is one of the domains, or lies below one."""
    return any(name == domain or name.endswith(f".{domain}") for domain in domains)
