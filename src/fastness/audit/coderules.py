"""Data that is run: eval and exec, pickle and YAML with classes, shells, template texts.

Each of these turns whoever supplies the data into somebody who runs code as the server.

ASVS 5.0: V1.3.2 (no eval), V1.5.2 (safe deserialisation), V1.2.5 (commands), V1.3.7 (templates).
"""

import ast
from collections.abc import Iterator
from typing import Final

from fastness.audit.module import Module, argument, is_false, keyword, method
from fastness.audit.rule import Hit, Rule
from fastness.kernel.findings import Notice, Severity, Topic

EVAL: Final = Notice(
    id="FST-SOURCE-002",
    severity=Severity.HIGH,
    title="Text is run as Python",
    why="eval, exec and compile run whatever the text says, and no filter of texts has ever held.",
    fix="Read data with json.loads or ast.literal_eval; choose behaviour from a dict of functions.",
    topic=Topic.INJECTION,
    asvs=("V1.3.2",),
)
PICKLE: Final = Notice(
    id="FST-SOURCE-003",
    severity=Severity.HIGH,
    title="Data is read in a format that runs code",
    why="pickle, marshal, shelve and dill call what the data names; reading is running.",
    fix="Keep data as JSON, and read it with request.json_as or json.loads.",
    topic=Topic.INTEGRITY,
    asvs=("V1.5.2",),
)
YAML: Final = Notice(
    id="FST-SOURCE-004",
    severity=Severity.HIGH,
    title="YAML may name Python classes",
    why="yaml.load makes any object that the text names, unless its loader is a safe one.",
    fix="Write yaml.safe_load(text).",
    topic=Topic.INTEGRITY,
    asvs=("V1.5.2",),
)
SHELL: Final = Notice(
    id="FST-SOURCE-005",
    severity=Severity.HIGH,
    title="A command goes through a shell",
    why="A shell reads ; | $( ) and spaces in a value as commands of their own.",
    fix='Give subprocess.run a list, ["convert", name], without shell=True.',
    topic=Topic.INJECTION,
    asvs=("V1.2.5",),
)
TEMPLATE_TEXT: Final = Notice(
    id="FST-SOURCE-006",
    severity=Severity.HIGH,
    title="A visitor's text becomes a template",
    why="A template is a program: {{ … }} in what a visitor wrote is run on the server.",
    fix="Write the template into a file, and give it the text as a value.",
    topic=Topic.INJECTION,
    asvs=("V1.3.7",),
)
COMMAND: Final = Notice(
    id="FST-SOURCE-007",
    severity=Severity.HIGH,
    title="A visitor's value is part of a command",
    why="Even without a shell a value that begins with - is an option, and a program's name is a program.",
    fix='Look the value up in a dict of what is allowed, and put "--" before it.',
    topic=Topic.INJECTION,
    asvs=("V1.2.5",),
)


_EVAL: Final = ("eval", "exec", "compile", "builtins.eval", "builtins.exec", "builtins.compile")
_UNPICKLING: Final = (
    *(f"{library}.{name}" for library in ("pickle", "_pickle", "cPickle", "dill", "cloudpickle")
      for name in ("load", "loads", "Unpickler")),
    "marshal.load", "marshal.loads", "shelve.open", "jsonpickle.decode", "joblib.load", "pandas.read_pickle",
)  # fmt: skip
_SAFE_LOADERS: Final = frozenset({"SafeLoader", "CSafeLoader", "BaseLoader", "CBaseLoader"})
_UNSAFE_YAML: Final = ("yaml.unsafe_load", "yaml.unsafe_load_all", "yaml.full_load", "yaml.full_load_all")
_SHELLS: Final = (
    "os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "asyncio.create_subprocess_shell",
    "commands.getoutput",
)  # fmt: skip
_PROGRAMS: Final = (
    *(f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output", "Popen")),
    "asyncio.create_subprocess_exec", "os.execv", "os.execvp", "os.spawnv", "os.spawnvp",
)  # fmt: skip
_TEMPLATES: Final = (
    "jinja2.Template", "jinja2.environment.Template", "mako.template.Template",
    "flask.render_template_string", "django.template.Template",
)  # fmt: skip


def find_eval(module: Module) -> Iterator[Hit]:
    """The built-in functions; `re.compile` and an own `compile` are others."""
    own = {node.name for node in module.all(ast.FunctionDef)}
    for call in module.calls(*_EVAL):
        if not isinstance(call.func, ast.Name) or call.func.id not in own:
            yield Hit(call)


def find_pickle(module: Module) -> Iterator[Hit]:
    """Formats that call what they name."""
    yield from (Hit(call) for call in module.calls(*_UNPICKLING))


def find_yaml(module: Module) -> Iterator[Hit]:
    """Loaders that make objects of any class."""
    yield from (Hit(call) for call in module.calls(*_UNSAFE_YAML))
    for call in module.calls("yaml.load", "yaml.load_all"):
        loader = argument(call, 1, "Loader")
        if loader is None or module.origin(loader).rpartition(".")[2] not in _SAFE_LOADERS:
            yield Hit(call)


def find_shells(module: Module) -> Iterator[Hit]:
    """Shells by name, and `shell=` of anything that is not written as False."""
    yield from (Hit(call) for call in module.calls(*_SHELLS))
    for call in module.calls(*_PROGRAMS):
        shell = keyword(call, "shell")
        if shell is not None and not is_false(shell):
            yield Hit(call)


def find_template_texts(module: Module) -> Iterator[Hit]:
    """Templates made of what was sent."""
    for call in module.all(ast.Call):
        is_template = module.origin(call.func) in _TEMPLATES or method(call) in {
            "from_string",
            "render_template_string",
        }
        if is_template and any(module.has_request_value(each) for each in call.args):
            yield Hit(call)


def find_commands(module: Module) -> Iterator[Hit]:
    """Programs started with what was sent."""
    for call in module.calls(*_PROGRAMS):
        if any(module.has_request_value(each) for each in call.args):
            yield Hit(call)


RULES: Final = (
    Rule(notice=EVAL, find=find_eval, same_as=("B102", "B307")),
    Rule(notice=PICKLE, find=find_pickle, same_as=("B301", "B302")),
    Rule(notice=YAML, find=find_yaml, same_as=("B506",)),
    Rule(notice=SHELL, find=find_shells, same_as=("B602", "B604", "B605")),
    Rule(notice=TEMPLATE_TEXT, find=find_template_texts),
    Rule(notice=COMMAND, find=find_commands),
)
