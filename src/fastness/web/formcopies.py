"""Forms of WTForms, made for a request at the price of a copy.

That library makes each field of a form anew for each request, and most of the work has the same result each time: label, name
and flags follow from the declaration. So a form class keeps the state that its form had before anything was submitted, and the
next forms begin as copies of it. What happens to a form from there on, values, validators and widgets, is the library's affair.

Copied is only what certainly comes out the same and holds nothing of a request: a form and fields that the library's code alone
has made, of declarations that are still what they were, with a state that is immutable, shared by all forms anyway, or copied
here. Everything else is made as ever. The library is known by the names of its modules: it is imported by the apps that use it.
"""

from collections import OrderedDict
from collections.abc import Callable, Container
from dataclasses import replace
from types import FunctionType, GetSetDescriptorType
from typing import Any, Final

from fastness.kernel.values import dataclass

_LIBRARY: Final = "wtforms."
_FORMS: Final = "wtforms.form"
_PARTS: Final = "wtforms.fields.core"
_MAKING: Final = frozenset(
    {"Meta", "__init__", "__new__", "__setattr__", "__slots__", "_translations", "bind", "gettext"}
)
"""With one of these, a class of the app has a say in how a form or a field is made."""
_PLAIN: Final = (str, bytes, int, float, type, FunctionType, type(None))
_KEPT_AS: Final = "_fastness_made"


@dataclass(frozen=True, slots=True)
class MadeField:
    """What a field was made of, and how it came out."""

    name: str
    unbound: Any
    given: object
    """All that the declaration held: it may be changed in place."""
    kind: type
    state: dict[str, object]
    own: tuple[tuple[str, Callable[[Any], object]], ...]
    """The attributes that each field has for itself (`form.name.label.text = …`), with what copies them."""


@dataclass(frozen=True, slots=True)
class MadeForm:
    """What a form was made of, and how it came out."""

    unbound: object
    meta: type
    state: dict[str, object]
    fields: tuple[MadeField, ...] | None
    """`None` where it is not copied."""

    def is_of(self, form_class: Any) -> bool:  # noqa: ANN401 - form libraries are known by shape only
        """Whether the class is as it was: the library makes both anew when a field or its `Meta` is set."""
        return self.unbound is form_class._unbound_fields and self.meta is form_class._wtforms_meta  # noqa: SLF001 - no other name


def try_new_form(form_class: Any) -> Any | None:  # noqa: ANN401 - as above
    """A form of the class as it is before `process`; `None` where the class has to make it."""
    if type(form_class).__module__ != _FORMS:
        return None
    made: MadeForm | None = vars(form_class).get(_KEPT_AS)
    if made is None or made.fields is None or not made.is_of(form_class):
        return None
    form = object.__new__(form_class)
    attributes = vars(form)
    attributes.update(made.state)
    meta = attributes["meta"] = made.meta()
    attributes["form_errors"] = []
    fields = attributes["_fields"] = OrderedDict()
    for one in made.fields:
        if one.given != vars(one.unbound):
            return None
        field: object = object.__new__(one.kind)
        state = vars(field)
        state.update(one.state)
        for name, copy in one.own:
            state[name] = copy(state[name])
        state["_form"] = form
        state["meta"] = meta
        attributes[one.name] = fields[one.name] = field
    return form


def keep_new_form(form_class: Any) -> None:  # noqa: ANN401 - as above
    """Have a class that has just made a form keep what the next ones can be copied from."""
    if type(form_class).__module__ != _FORMS:
        return
    # With the class, so that it goes when that goes: some are made for one request.
    made: MadeForm | None = vars(form_class).get(_KEPT_AS)
    if made is None or not made.is_of(form_class):
        setattr(form_class, _KEPT_AS, made_of(form_class))
    elif made.fields is not None:
        # A declaration was changed in place, and may be again.
        setattr(form_class, _KEPT_AS, replace(made, fields=None))


def made_of(form_class: Any) -> MadeForm:  # noqa: ANN401 - as above
    """What is kept of the forms of a class."""
    unbound, meta = form_class._unbound_fields, form_class._wtforms_meta  # noqa: SLF001 - as above
    kinds = {form_class, *(type(one) for _, one in unbound), *(one.field_class for _, one in unbound)}
    if not all(map(is_made_by_library, kinds)):
        return MadeForm(unbound=unbound, meta=meta, state={}, fields=None)
    form = object.__new__(form_class)
    state = vars(form)
    # The library makes it as ever, but processes nothing.
    state["process"] = lambda *_, **__: None
    form.__init__()
    fields = [made_field(name, one, state.pop(name)) for name, one in unbound]
    state = {name: value for name, value in state.items() if name not in {"process", "meta", "form_errors", "_fields"}}
    is_copied = all(map(is_plain, state.values())) and not vars(form.meta) and None not in fields
    return MadeForm(unbound=unbound, meta=meta, state=state, fields=tuple(filter(None, fields)) if is_copied else None)


def made_field(name: str, unbound: Any, field: Any) -> MadeField | None:  # noqa: ANN401 - as above
    """What is kept of a field; `None` if not all of its state is known to be safe to share or to copy."""
    given = (*unbound.args, *unbound.kwargs.values())
    # The choices of a list, too: the library gives each field a list of its own, of the same choices.
    shared = {id(one) for value in given for one in (value, *(value if isinstance(value, list | tuple) else ()))}
    state = {key: value for key, value in vars(field).items() if key not in {"_form", "meta"}}
    own: list[tuple[str, Callable[[Any], object]]] = []
    for key, value in state.items():
        if id(value) in shared or is_plain(value):
            continue
        copy = try_copier(value, shared)
        if copy is None:
            return None
        own.append((key, copy))
    return MadeField(
        name=name,
        unbound=unbound,
        given=as_it_is(vars(unbound)),
        kind=type(field),
        state=state,
        own=tuple(own),
    )


def is_made_by_library(kind: type) -> bool:
    """Whether no class of the app's has a say in how it is made."""
    return all(
        base is object
        or base.__module__.startswith(_LIBRARY)
        or (_MAKING.isdisjoint(vars(base)) and not any(map(is_setter, vars(base).values())))
        for base in kind.__mro__
    )


def is_setter(member: object) -> bool:
    """Whether code of the app's runs when the library sets this attribute, and may look at the moment."""
    kind = type(member)
    return hasattr(kind, "__set__") and kind is not GetSetDescriptorType and getattr(member, "fset", member) is not None


def is_plain(value: object) -> bool:
    """Whether it cannot be changed."""
    return isinstance(value, _PLAIN) or (type(value) is tuple and all(map(is_plain, value)))


def try_copier(value: object, shared: Container[int]) -> Callable[[Any], object] | None:
    """What makes another one of it: for lists, dicts, and the library's labels and flags, with nothing in them to be changed."""
    kind = type(value)
    if kind is list or kind is dict:
        copy: Callable[[Any], object] = kind
    elif kind.__module__ == _PARTS:
        copy = copied_part
    else:
        return None
    held = value if isinstance(value, list) else (value if isinstance(value, dict) else vars(value)).values()
    return copy if all(is_plain(one) or id(one) in shared for one in held) else None


def copied_part(part: Any) -> object:  # noqa: ANN401 - as above
    """Another label, or other flags, of the same content."""
    other: object = object.__new__(type(part))
    other.__dict__ = vars(part).copy()
    return other


def as_it_is(value: object) -> object:
    """The value, with copies of the lists and dicts in it."""
    if isinstance(value, dict):
        return {key: as_it_is(one) for key, one in value.items()}
    if isinstance(value, list):
        return [as_it_is(one) for one in value]
    return value if type(value) is not tuple or is_plain(value) else tuple(map(as_it_is, value))
