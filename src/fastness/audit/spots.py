"""Places in the source at which something was found, by our rules or by Bandit, before comments are read."""

from fastness.kernel.findings import Finding
from fastness.kernel.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One of them."""

    file: str
    """As a person in the folder would write it."""
    first_line: int
    last_line: int
    name: str
    """What a comment calls it: "FST005", "B602"."""
    finding: Finding
    same_as: tuple[str, ...] = ()
    """The names of the same mistake elsewhere."""

    def touches(self, other: "Spot") -> bool:
        """Whether both are about the same lines."""
        return self.file == other.file and self.first_line <= other.last_line and other.first_line <= self.last_line
