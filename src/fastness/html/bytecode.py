"""Compiled templates on disk, where Python keeps compiled modules: in `__pycache__` beside their source.

To compile the templates of an app takes longer than to import its code. What is kept is used while nothing has changed that the
code depends on: the template as it is translated, those it extends, the escaper itself, the rules, the place. Jinja2's own keys
are the name and the source, so that code compiled without the escaper, or for another place, would be taken for ours.

The folder is trusted as Python trusts it: whoever can write there runs code. So it is no other folder than that of the source,
and an app that may not write there, as it should be in production, compiles at each start unless `fastness check` was run where
the image was made. ASVS 5.0: V1.5.2.
"""

import contextlib
import hashlib
import re
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import cache_from_source
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

import jinja2
from jinja2.bccache import Bucket

from fastness.kernel.wires import Wire, permitting

_EXTENDS: Final = re.compile(r"\bextends[\s(]*([\"'])(.+?)\1")


@runtime_checkable
class Salted(Protocol):
    """An environment whose compiled code depends on more than the source."""

    def salt(self) -> str: ...

    def spot(self) -> str: ...


class BytecodeBeside(jinja2.BytecodeCache):
    """Keeps what was compiled beside its source, for environments with a salt."""

    def get_bucket(self, environment: jinja2.Environment, name: str, filename: str | None, source: str) -> Bucket:
        """What was kept of a template; empty where nothing was, or something has changed since."""
        if filename is None or not isinstance(environment, Salted):
            return Bucket(environment, "", "")
        kept = Path(cache_from_source(filename)).parent
        spot = f"{Path(filename).name}.{sys.implementation.cache_tag}-{_digest(environment.spot())[:16]}"
        parts = [environment.salt(), name, *_sources(environment, name, filename, source)]
        bucket = Bucket(environment, str(kept / spot), _digest(repr(parts)))
        self.load_bytecode(bucket)
        return bucket

    def load_bytecode(self, bucket: Bucket) -> None:
        """Read it; what cannot be read is compiled."""
        # Of any kind: a file that ends too soon, after a power cut, fails in whatever the library reads it with.
        with contextlib.suppress(Exception), Path(bucket.key).open("rb") as file:
            bucket.load_bytecode(file)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it for the next start; as with modules, a folder that cannot be written is no error."""
        if not bucket.key or sys.dont_write_bytecode:
            return
        target = Path(bucket.key)
        with permitting(Wire.FILES), contextlib.suppress(OSError):
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target.parent) as folder:
                written = Path(folder) / target.name
                written.write_bytes(bucket.bytecode_to_string())
                written.replace(target)  # never half a file


def own_code() -> str:
    """Tells one state of the escaper's own code from another, by its files' times and sizes, as Python does."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return _digest(repr([(file.name, (found := file.stat()).st_mtime_ns, found.st_size) for file in files]))


def _sources(environment: jinja2.Environment, name: str, filename: str | None, source: str) -> Iterator[str]:
    """The template as it is compiled, and those it extends by name: the places of its blocks are theirs."""
    seen: set[str] = set()
    while name not in seen:
        seen.add(name)
        yield environment.preprocess(source, name, filename)
        parent = _EXTENDS.search(source)
        if parent is None or environment.loader is None:
            return
        name = environment.join_path(parent[2], name)
        try:
            source, filename, _ = environment.loader.get_source(environment, name)
        except jinja2.TemplateNotFound:
            return


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
