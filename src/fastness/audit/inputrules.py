"""What a visitor sent, used where it decides more than its author meant: fields, addresses, files, HTML.

Only values that come from the request within one function are followed (`audit/taint.py`); typed input
(`request.json_as(…)`), `redirect(request, …)` and templates are the ways that need no rule.

ASVS 5.0: V15.3.3 (mass assignment), V3.7.2 (redirects), V5.3.2 (paths), V1.2.1 (HTML), V1.5.1 (XML), V5.3.3 (archives).
"""

import ast
from collections.abc import Iterator
from typing import Final

from fastness.audit.module import Module, argument, keyword, method
from fastness.audit.rule import Hit, Rule
from fastness.audit.sqlrules import text_parts
from fastness.kernel.findings import Notice, Severity, Topic

MASS_ASSIGNMENT: Final = Notice(
    id="FST-SOURCE-010",
    severity=Severity.HIGH,
    title="A visitor chooses which fields are set",
    why="Every name that is sent becomes a field: is_staff, owner_id, price.",
    fix="Read it with request.json_as(…) or a form, and set the fields by name.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V15.3.3",),
)
OPEN_REDIRECT: Final = Notice(
    id="FST-SOURCE-011",
    severity=Severity.HIGH,
    title="A visitor's value is the target of a redirect",
    why="A link to your site then leads to another that looks like it, and asks for the password.",
    fix="Write redirect(request, target): it goes to your own site and declared hosts only.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V3.7.2",),
)
FILE_PATH: Final = Notice(
    id="FST-SOURCE-012",
    severity=Severity.HIGH,
    title="A visitor's value is part of a file's path",
    why="../ and absolute paths lead out of the folder that was meant.",
    fix="Name files yourself and keep the visitor's name as text; join with fastness.kernel.paths.join_under.",
    topic=Topic.ACCESS_CONTROL,
    asvs=("V5.3.2",),
)
BUILT_HTML: Final = Notice(
    id="FST-SOURCE-013",
    severity=Severity.HIGH,
    title="HTML is put together from texts",
    why="A value with < in it becomes markup, and a script runs as your site.",
    fix="Write a template and render(request, …): it escapes each value for its place.",
    topic=Topic.INJECTION,
    asvs=("V1.2.1",),
)
XML: Final = Notice(
    id="FST-SOURCE-014",
    severity=Severity.MEDIUM,
    title="XML is read by a parser that follows entities",
    why="Entities that name each other grow to gigabytes, and some parsers open files and addresses for them.",
    fix="Use defusedxml, or take JSON.",
    topic=Topic.MISCONFIGURATION,
    asvs=("V1.5.1",),
)
ARCHIVE: Final = Notice(
    id="FST-SOURCE-015",
    severity=Severity.MEDIUM,
    title="An archive is unpacked wherever its names say",
    why="A member named ../../app.py, a link or a device file lands outside the folder (Python before 3.14 has no filter).",
    fix='Write archive.extractall(folder, filter="data").',
    topic=Topic.INTEGRITY,
    asvs=("V5.3.3",),
)


_REDIRECTS: Final = frozenset({"RedirectResponse", "HTTPFound", "HttpResponseRedirect"})
_OPENING: Final = frozenset(
    {
        "open", "io.open", "os.open", "os.remove", "os.unlink", "os.rename", "os.mkdir", "shutil.copy", "shutil.move",
        "shutil.rmtree", "aiofiles.open", "anyio.open_file", "starlette.responses.FileResponse",
        "fastapi.responses.FileResponse", "flask.send_file",
    }
)  # fmt: skip
_PATH_METHODS: Final = frozenset(
    {"open", "read_text", "read_bytes", "write_text", "write_bytes", "unlink", "mkdir", "touch"}
)
_HTML_RESPONSES: Final = frozenset({"starlette.responses.HTMLResponse", "fastapi.responses.HTMLResponse"})
_RESPONSES: Final = frozenset(
    {"starlette.responses.Response", "fastapi.Response", "fastapi.responses.Response", "fastness.Response"}
)
_XML_PARSING: Final = frozenset(
    {"parse", "fromstring", "fromstringlist", "XML", "iterparse", "parseString", "make_parser", "XMLParser", "XMLID"}
)
_XML_LIBRARIES: Final = ("xml.etree", "xml.dom", "xml.sax", "lxml.etree", "lxml.objectify")


def find_mass_assignment(module: Module) -> Iterator[Hit]:
    """`Model(**sent)`, and loops of setattr over what was sent."""
    for call in module.all(ast.Call):
        name = module.origin(call.func)
        is_spread = any(each.arg is None and module.has_request_value(each.value) for each in call.keywords)
        is_set = name == "setattr" and len(call.args) > 1 and module.has_request_value(call.args[1])
        if is_set or (is_spread and name != "dict"):
            yield Hit(call)


def find_open_redirects(module: Module) -> Iterator[Hit]:
    """Redirects of others, and Location written by hand; our own redirect decides where it may go."""
    for call in module.all(ast.Call):
        if method(call) in _REDIRECTS and module.has_request_value(argument(call, 0, "url")):
            yield Hit(call)
    for mapping in module.all(ast.Dict):
        entries = zip(mapping.keys, mapping.values, strict=True)
        if any(_is_location(module, key) and module.has_request_value(value) for key, value in entries):
            yield Hit(mapping)
    for node in module.all(ast.Assign):
        for target in node.targets:
            is_header = isinstance(target, ast.Subscript) and _is_location(module, target.slice)
            if is_header and module.has_request_value(node.value):
                yield Hit(node)


def find_file_paths(module: Module) -> Iterator[Hit]:
    """Files opened, written or removed under a name that was sent."""
    for call in module.all(ast.Call):
        if module.origin(call.func) in _OPENING:
            if any(module.has_request_value(each) for each in call.args[:2]):
                yield Hit(call)
        elif isinstance(call.func, ast.Attribute) and call.func.attr in _PATH_METHODS:
            path = module.value(call.func.value)
            if module.has_request_value(path) and _is_path(module, path):
                yield Hit(call)


def find_built_html(module: Module) -> Iterator[Hit]:
    """Texts with values in them as the whole of an HTML response."""
    for call in module.all(ast.Call):
        origin = module.origin(call.func)
        is_html = origin in _HTML_RESPONSES or (
            origin in _RESPONSES and (module.text(keyword(call, "media_type")) or "").startswith("text/html")
        )
        content = argument(call, 0, "content")
        if (
            is_html
            and content is not None
            and (None in [*text_parts(module, content)] or module.has_request_value(content))
        ):
            yield Hit(call)


def find_xml(module: Module) -> Iterator[Hit]:
    """Parsers of the standard library and of lxml, called."""
    for call in module.all(ast.Call):
        library, _, name = module.origin(call.func).rpartition(".")
        if name in _XML_PARSING and library.startswith(_XML_LIBRARIES):
            yield Hit(call)


def find_archives(module: Module) -> Iterator[Hit]:
    """Tar files unpacked without a filter; the zip library keeps its members inside."""
    for call in module.all(ast.Call):
        if (
            method(call) in {"extractall", "extract"}
            and keyword(call, "filter") is None
            and isinstance(call.func, ast.Attribute)
        ):
            opened = _opened(module, call.func.value)
            if opened in {"tarfile.open", "tarfile.TarFile", "tarfile.TarFile.open"}:
                yield Hit(call)
    for call in module.calls("shutil.unpack_archive"):
        if keyword(call, "filter") is None:
            yield Hit(call)


def _is_location(module: Module, key: ast.expr | None) -> bool:
    return (module.text(key) or "").lower() == "location"


def _is_path(module: Module, node: ast.expr) -> bool:
    return isinstance(node, ast.BinOp) or (isinstance(node, ast.Call) and module.origin(node.func) == "pathlib.Path")


def _opened(module: Module, node: ast.expr) -> str:
    """The call that made a value: through its name, or through `with … as name`."""
    value = module.value(node)
    return module.origin(value.func) if isinstance(value, ast.Call) else ""


RULES: Final = (
    Rule(notice=MASS_ASSIGNMENT, find=find_mass_assignment),
    Rule(notice=OPEN_REDIRECT, find=find_open_redirects),
    Rule(notice=FILE_PATH, find=find_file_paths),
    Rule(notice=BUILT_HTML, find=find_built_html),
    Rule(notice=XML, find=find_xml, same_as=("B313", "B314", "B315", "B316", "B317", "B318", "B319")),
    Rule(notice=ARCHIVE, find=find_archives, same_as=("B202",)),
)
