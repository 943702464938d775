"""What no file of ours does, read from the source: shaping log lines from values, patterns with a loose end, native code."""

import ast
import re

from tests.layers import source

LEVELS = frozenset({"debug", "info", "warning", "error", "exception", "critical"})
LOGGERS = frozenset({"_LOG", "LOG", "self._logger", "logger", "logging"})
# The audit reads other people's programs, on a developer's machine.
TREES = {file: tree for file, tree in source.TREES.items() if "audit" not in file.split("/")}


def calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def test_the_text_of_a_log_line_is_written_in_the_source():
    """CVE-2026-111211: what a visitor sent is an argument, which the formatter escapes, and never the text itself."""
    logged = [(file, call) for file, tree in TREES.items() for call in calls(tree) if is_logging(call.func)]
    assert logged
    assert [(file, ast.unparse(call)) for file, call in logged if not is_written(call.args[0])] == []


def is_logging(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and function.attr in LEVELS and ast.unparse(function.value) in LOGGERS


def is_written(text: ast.expr) -> bool:
    return isinstance(text, ast.Constant) or (isinstance(text, ast.Name) and text.id.isupper())


def test_a_pattern_ends_where_the_text_ends():
    r"""CVE-2026-53878: `$` also fits before a last line feed; a pattern of ours ends with \Z, or is asked by fullmatch."""
    patterns = [
        (file, str(call.args[0].value))
        for file, tree in TREES.items()
        for call in calls(tree)
        if ast.unparse(call.func) in {"re.compile", "re.match", "re.search"} and isinstance(call.args[0], ast.Constant)
    ]
    assert patterns
    assert [pattern for pattern in patterns if re.search(r"(?<!\\)\$\)*$", pattern[1])] == []


def test_no_file_speaks_to_native_code_by_itself():
    """CVE-2026-53877: what is read over the end of a buffer is read by C; we have none, and hand none a buffer."""
    native = {"ctypes", "cffi", "mmap", "_ctypes"}
    found = {
        (file, alias.name)
        for file, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name.partition(".")[0] in native
    }
    # It asks the scheduler, with six numbers of its own: no buffer, no pointer that goes anywhere, no input.
    assert found == {("auth/slices.py", "ctypes")}
    used = {node.attr for node in ast.walk(TREES["auth/slices.py"]) if is_of(node, "ctypes")}
    assert used == {"CDLL", "byref", "c_uint64"}


def is_of(node: ast.AST, module: str) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == module


def test_no_file_reads_formats_that_open_others():
    """CVE-2026-15307, -87890, -111362, -114582: formats that name files and addresses, read by what would open them."""
    opening = {"xml", "lxml", "PIL", "osgeo", "fiona", "pypdf", "yaml", "tarfile", "zipfile"}
    found = {
        (file, name)
        for file, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
        if name.partition(".")[0] in opening
    }
    # It writes a report, and reads nothing.
    assert found == {("reports/junit.py", "xml.etree")}
    assert not re.search(r"ET\.(parse|fromstring|XML|iterparse)", ast.unparse(TREES["reports/junit.py"]))
