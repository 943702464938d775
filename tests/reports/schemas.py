"""JSON Schema for these tests; its library makes forty grammars when it is loaded, a second of work: not before a test asks."""

import importlib
import json
from functools import cache
from pathlib import Path


@cache
def validator(draft: str, file: Path):
    """The class of this name in the library, for a file with a schema that is one."""
    schema = json.loads(file.read_text(encoding="utf-8"))
    kind = getattr(importlib.import_module("jsonschema"), draft)
    kind.check_schema(schema)
    return kind(schema)
