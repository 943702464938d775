"""Models of the tests and of the demo live in one registry when they run in one process: no name may come twice.

SQLAlchemy finds the class of `Mapped[list["Note"]]` by its name, in whatever module it is.
"""

import ast
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def model_names() -> list[str]:
    return [
        node.name
        for folder in ("src", "tests", "examples")
        for file in (ROOT / folder).rglob("*.py")
        if "Model" in (source := file.read_text(encoding="utf-8"))
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef)
        and any(isinstance(base, ast.Name) and base.id == "Model" for base in node.bases)
    ]


def test_no_two_models_share_a_name():
    assert [name for name, count in Counter(model_names()).items() if count > 1] == []
