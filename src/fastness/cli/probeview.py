"""How a scan is seen while it runs: a bar and a growing table where a person looks, a line for each check elsewhere.

All of it goes to standard error, so that standard output is the report and nothing else.
"""

import contextlib
from collections.abc import Iterator

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from fastness.cli.terminal import SEVERITY_COLOURS, printable, remark
from fastness.kernel.findings import Finding
from fastness.probe.runner import Watcher


class Lines:
    """For logs: one line as each check begins, and one for each finding."""

    def begin(self, name: str, number: int, count: int) -> None:
        """Say which check begins."""
        remark(f"[{number}/{count}] {name}")

    def requested(self) -> None:
        """Say nothing: thousands are sent."""

    def found(self, finding: Finding) -> None:
        """Say what was found."""
        remark(f"  {finding.severity.value}: {finding.id} {finding.title}: {printable(finding.where or '')}")


class Screen:
    """For people: the bar, the number of requests, and what was found so far."""

    def __init__(self, title: str) -> None:
        self.sent = 0
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[sent]} requests"),
            TimeElapsedColumn(),
        )
        self.task = self.bar.add_task(title, total=None, sent=0)
        self.table = Table("severity", "id", "what", "where", title=title, title_justify="left", expand=False)

    def __rich__(self) -> Group:
        return Group(*([self.table] if self.table.row_count else []), self.bar)

    def begin(self, name: str, number: int, count: int) -> None:
        """Move the bar on."""
        self.bar.update(self.task, description=name, completed=number - 1, total=count)

    def requested(self) -> None:
        """Count."""
        self.sent += 1
        self.bar.update(self.task, sent=self.sent)

    def found(self, finding: Finding) -> None:
        """Add a row."""
        severity = Text(finding.severity.value, style=SEVERITY_COLOURS[finding.severity])
        self.table.add_row(
            severity, finding.id, finding.title, Text(printable(finding.where or ""), overflow="ellipsis")
        )


@contextlib.contextmanager
def watching(title: str) -> Iterator[Watcher]:
    """Whoever is told how the scan goes."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines()
        return
    screen = Screen(title)
    with Live(screen, console=console, refresh_per_second=8, transient=True):
        yield screen
