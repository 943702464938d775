"""Compiled templates on disk, kept apart by everything that their code depends on.

Jinja2 keys its cache by name and source only, so that code compiled without the escaper, or for another place, would be taken
for ours. The folder is as trusted as the app's own code: whoever can write there runs code (it holds marshalled bytecode).
ASVS 5.0: V1.5.2.
"""

from typing import Protocol, runtime_checkable

import jinja2
from jinja2.bccache import Bucket


@runtime_checkable
class Salted(Protocol):
    """An environment whose compiled code depends on more than the source."""

    def salt(self) -> str: ...


class SaltedBytecodeCache(jinja2.FileSystemBytecodeCache):
    """Jinja2's file cache with the environment's salt in both keys."""

    def get_bucket(self, environment: jinja2.Environment, name: str, filename: str | None, source: str) -> Bucket:
        salt = environment.salt() if isinstance(environment, Salted) else "plain"
        return super().get_bucket(environment, f"{salt}:{name}", filename, f"{salt}:{source}")
