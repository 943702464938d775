"""`dataclass(frozen=True, slots=True)` for values, with its methods written when they are first used.

The standard library writes and compiles the source of six methods for each class while its module is imported. That was a third
of an app's start, and half of the classes are not used before the first response, if ever. Here a class gets its fields and
slots at once; `__init__`, `__repr__`, `__eq__` and `__hash__` are the standard library's as well, made when they are first
asked for. Most classes, such as rules, have one value in a process: the first ones are filled field by field, which takes longer
than an `__init__` that is there, and a fiftieth of writing it.

Not for classes that apps inherit from: to the standard library these are not frozen, and it lets no frozen dataclass inherit
from one that is not. Nor for what a tripwire makes of an event, which are named tuples: writing a method is
such an event.
"""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

__all__ = ["dataclass"]

ValueT = TypeVar("ValueT")

_POST_INIT: Final = "__post_init__"
_COMPARED: Final = ("__eq__", "__hash__")
_WORTH_WRITING: Final = 50
"""How many values are made before `__init__` is written."""


class Unwritten:
    """Stands for a method of a class until somebody asks for it."""

    def __init__(self, home: type, name: str) -> None:
        self.home = home
        self.name = name

    def __get__(self, value: object, owner: type | None = None) -> Any:  # noqa: ANN401 - any method of any class
        """Write the method, and put it in place of this."""
        method = write_method(self.home, self.name)
        setattr(self.home, self.name, method)
        return method.__get__(value, owner)


class UnwrittenInit(Unwritten):
    """Stands for `__init__` until many values have been made."""

    def __init__(self, home: type) -> None:
        super().__init__(home, "__init__")
        self.made = 0

    def __get__(self, value: object, owner: type | None = None) -> Any:  # noqa: ANN401 - see above
        """What fills this value."""
        self.made += 1
        # `inspect` asks for the method of a class.
        if self.made > _WORTH_WRITING or not isinstance(value, self.home):
            return super().__get__(value, owner)
        return partial(self.fill, value)

    def fill(self, value: Any, /, *given: object, **named: object) -> None:  # noqa: ANN401 - a value of any class
        """Do what `__init__` would."""
        members = members_of(dataclasses.fields(self.home), given, named)
        if members is None:
            # It has the words for what is wrong.
            super().__get__(value)(*given, **named)
            return
        for name, member in members.items():
            object.__setattr__(value, name, member)
        # Not of a class below: the written `__init__` does not know of it either.
        if hasattr(self.home, _POST_INIT):
            value.__post_init__()


def members_of(
    fields: tuple[dataclasses.Field[Any], ...], given: tuple[object, ...], named: Mapping[str, object]
) -> dict[str, object] | None:
    """Each field with what it gets; `None` where the arguments do not fit."""
    in_order = [field.name for field in fields if field.init and not field.kw_only]
    by_place = dict(zip(in_order, given, strict=False))
    left = {**by_place, **named}
    if len(left) < len(given) + len(named):
        return None
    members: dict[str, object] = {}
    for field in fields:
        if field.init and field.name in left:
            members[field.name] = left.pop(field.name)
        elif field.default is not dataclasses.MISSING:
            members[field.name] = field.default
        elif field.default_factory is not dataclasses.MISSING:
            members[field.name] = field.default_factory()
        elif field.init:
            return None
    return None if left else members


def light_dataclass(
    *,
    frozen: Literal[True],  # noqa: ARG001 - said where the class is, for people and type checkers
    slots: Literal[True],
    kw_only: bool = False,
    eq: bool = True,
) -> Callable[[type[ValueT]], type[ValueT]]:
    """What `dataclass` is when it runs; for type checkers it is the standard library's."""

    def make(body: type[ValueT]) -> type[ValueT]:
        # A class that defines `__eq__` alone has `None` for `__hash__`.
        own = {name for name, member in vars(body).items() if member is not None}
        made = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)(body)
        for name in ("__init__", "__repr__", *(_COMPARED if eq else ())):
            if name not in own:
                setattr(made, name, UnwrittenInit(made) if name == "__init__" else Unwritten(made, name))
        for name, method in _FROZEN.items():
            setattr(made, name, method)
        return made

    return make


def write_method(home: type, name: str) -> Any:  # noqa: ANN401 - any method of any class
    """The method as the standard library writes it for a frozen class of these fields."""
    is_init, is_compared = name == "__init__", name in _COMPARED
    members = {"__doc__": home.__doc__}
    if hasattr(home, _POST_INIT):
        members[_POST_INIT] = getattr(home, _POST_INIT)
    written = dataclasses.make_dataclass(
        home.__name__,
        [(field.name, field.type, field) for field in dataclasses.fields(home)],
        namespace=members,
        init=is_init,
        repr=name == "__repr__",
        eq=is_compared,
        unsafe_hash=is_compared,
        frozen=is_init,  # or it would set the fields in the way that is refused
        slots=is_init,  # or it would leave to the class what no argument sets
    )
    method = vars(written)[name]
    method.__module__, method.__qualname__ = home.__module__, f"{home.__qualname__}.{name}"
    return method


def _refuse_assignment(_: object, name: str, __: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deletion(_: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _copied(value: Any) -> list[object]:  # noqa: ANN401 - a value of any class
    return [getattr(value, field.name) for field in dataclasses.fields(value)]


def _restore(value: Any, state: list[object]) -> None:  # noqa: ANN401 - a value of any class
    for field, member in zip(dataclasses.fields(value), state, strict=True):
        object.__setattr__(value, field.name, member)


_FROZEN: Final = {
    "__setattr__": _refuse_assignment,
    "__delattr__": _refuse_deletion,
    # Or a copy would be made by assignments.
    "__getstate__": _copied,
    "__setstate__": _restore,
}

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    dataclass = light_dataclass
