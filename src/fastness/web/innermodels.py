"""A model object that an endpoint of a mounted FastAPI app returns is refused, as in a handler of ours.

Without a response model FastAPI encodes what it does not know by its attributes: every column, a password hash among them. Its
table of encoders gets a line for the models of Fastness, which raises; FastAPI is not imported, the table is that of the module
which the mounted app has loaded. Not covered: a model that is a dataclass as well, which FastAPI takes apart before it looks at
the table, and models of another base, which are the mounted app's own. ASVS 5.0 V15.3.1.
"""

import sys
from typing import Final, NoReturn

from fastness.web.responses import UnserialisableModelError

_ENCODERS: Final = "fastapi.encoders"
_MODEL: Final = ("fastness.db.model", "Model")
"""By name: an app without a database does not load it."""


class _IsModel(type):
    def __instancecheck__(cls, value: object) -> bool:
        return any((kind.__module__, kind.__name__) == _MODEL for kind in type(value).__mro__)


class _AnyModel(metaclass=_IsModel):
    """Whatever is an object of a model."""


def refuse_model(value: object) -> NoReturn:
    """Raise instead of encoding."""
    raise UnserialisableModelError(type(value))


def refuse_models() -> None:
    """Have FastAPI refuse them, where it is loaded."""
    module = sys.modules.get(_ENCODERS)
    if module is not None:
        module.encoders_by_class_tuples[refuse_model] = (_AnyModel,)
