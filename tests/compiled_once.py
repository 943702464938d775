"""Templates of the repository, compiled once for all apps of a process: each test has an app, and most show a sign-in form.

A template is taken from here where its environment would have compiled the same code: the key has the environment's salt and all
text that goes into the code, which is the template's own in its language, and that of the templates it extends. What a test
writes itself is compiled anew, and so is everything in an environment that keeps its code in a folder.
"""

import hashlib
import re
from pathlib import Path
from types import CodeType

import jinja2
from jinja2.bccache import Bucket

from fastness.html.environment import TemplateEnvironment

ROOT = Path(__file__).resolve().parent.parent
EXTENDS = re.compile(r"""\{%-?\s*extends\s+(["'])([^"']+)\1\s*-?%\}""")


class CompiledOnce(jinja2.BytecodeCache):
    """Code in memory."""

    def __init__(self) -> None:
        self._codes: dict[str, CodeType | None] = {}

    def get_bucket(self, environment: jinja2.Environment, name: str, filename: str | None, source: str) -> Bucket:
        bucket = Bucket(environment, key_of(environment, name, filename, source), "")
        bucket.code = self._codes.get(bucket.key)
        return bucket

    def set_bucket(self, bucket: Bucket) -> None:
        if bucket.key:
            self._codes[bucket.key] = bucket.code


def key_of(environment: jinja2.Environment, name: str, filename: str | None, source: str) -> str:
    """What the code depends on; nothing where that is not known, or where a test wrote part of it."""
    parts = [environment.salt(), *environment.extensions, name]
    while True:
        if filename is None or not Path(filename).is_relative_to(ROOT):
            return ""
        parts += [filename, environment.preprocess(source, name, filename)]
        if "extends" not in source:
            return hashlib.sha256(repr(parts).encode()).hexdigest()
        if len(parents := EXTENDS.findall(source)) != 1 or environment.loader is None:
            return ""
        name = environment.join_path(parents[0][1], name)
        source, filename, _ = environment.loader.get_source(environment, name)


def compile_once() -> None:
    """Give every environment of this process the same memory."""
    memory = CompiledOnce()
    make = TemplateEnvironment.__init__

    def make_with_memory(self, *folders, **options):
        make(self, *folders, **options)
        if self.bytecode_cache is None:
            self.bytecode_cache = memory

    TemplateEnvironment.__init__ = make_with_memory  # type: ignore[method-assign]
