"""A value that does not show itself.

Keys, passwords and tokens travel as `Secret`, so that a repr in a traceback, an f-string, a `%s` in a log call, a debug
page or a settings dump shows `Secret(***)`. To get at the value one has to write `.reveal()`, which a reviewer can
search for. Comparison takes constant time. Pickling and JSON are refused, because both end in files and caches.

It does not protect against code that runs in the same process and means harm, nor against a memory dump: Python cannot
wipe a string.

ASVS 5.0: V13.3.1 (secrets are managed and not exposed), V16.2.5 (credentials are not logged), V14.2.4.
"""

from hmac import compare_digest
from typing import Final, NoReturn, Self, SupportsIndex, final

from fastness.kernel.errors import ConfigError

MASK: Final = "Secret(***)"


@final
class Secret:
    """Holds a non-empty text or bytes value and shows it only to `reveal` and `reveal_bytes`."""

    __slots__ = ("_value",)

    _value: bytes

    # A hash of the value could be compared or enumerated, and one of the identity would contradict __eq__.
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: str | bytes) -> None:
        if not isinstance(value, str | bytes):
            raise ConfigError(f"Secret takes str or bytes, not {type(value).__name__}.")
        if not value:
            # Two empty values are equal: an unset key would match an attacker's empty one.
            raise ConfigError("Secret refuses an empty value; use None for a secret that is not set.")
        if isinstance(value, str):
            try:
                value = value.encode("utf-8")
            except UnicodeEncodeError:
                # The original error carries the whole value; `from None` keeps it out of the traceback.
                raise ConfigError("Secret takes text that UTF-8 can hold; this one has a lone surrogate.") from None
        object.__setattr__(self, "_value", value)

    def reveal(self) -> str:
        """The value as text; raises `ConfigError` when it was made from bytes that are not UTF-8."""
        try:
            return self._value.decode("utf-8")
        except UnicodeDecodeError:
            raise ConfigError("This secret is not text; use reveal_bytes().") from None

    def reveal_bytes(self) -> bytes:
        """The value as bytes (UTF-8 when it was made from text)."""
        return self._value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return compare_digest(self._value, other._value)

    def __repr__(self) -> str:
        return MASK

    def __str__(self) -> str:
        return MASK

    def __format__(self, format_spec: str) -> str:
        # Whatever the spec says: `{secret:.3}` must not become a way to slice.
        return MASK

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Secret does not change; make a new one")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a Secret does not change; make a new one")

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a Secret cannot be pickled: store it in the secrets folder, not in a cache or queue")

    # dataclasses.asdict() and copy.deepcopy() of a settings object keep the same guarded object.
    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self
