"""The running display on stderr: the stages that are done with their times, and the one at work."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from liteport.model import Step


class Display:
    """Shows the steps that it is called with, inside a with-block.

    In a terminal one line lives: a spinner for a stage that cannot be measured, a bar for one that can, and at
    the end the time of each. Elsewhere these are written as each stage ends, without control codes. `seconds` are
    the times by stage.
    """

    def __init__(self, shown: bool) -> None:
        console = Console(file=sys.stderr)  # this very stream, whatever is redirected later
        self.seconds: dict[str, float] = {}
        self._step: Step | None = None
        self._began = 0.0
        self._plain = shown and not console.is_interactive
        self._spinner = Spinner("dots" if "utf" in console.encoding else "line")
        self._live = Live(self, console=console, refresh_per_second=10) if shown and console.is_interactive else None

    def __enter__(self) -> Display:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self._end()
        if self._live:
            self._live.stop()
        elif self._plain and self.seconds:
            print(file=sys.stderr)

    def __call__(self, step: Step) -> None:
        if self._step is None or step.stage != self._step.stage:
            self._end()
            self._began = time.perf_counter()
        self._step = step

    def __rich__(self) -> Any:
        step = self._step
        if step is None:
            return Text("  ".join(_time(stage, spent) for stage, spent in self.seconds.items()), "dim")
        self._spinner.update(text=Text(_time(step.stage, time.perf_counter() - self._began)))
        if not step.total:
            return self._spinner
        line = Table.grid(padding=(0, 1, 0, 0))
        line.add_row(self._spinner, ProgressBar(step.total, step.done, width=24), Text(f"{step.done}/{step.total}"))
        return line

    def _end(self) -> None:
        """Closes the stage at work."""
        if self._step is None:
            return
        stage = self._step.stage
        self._step = None
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - self._began
        if self._plain:
            lead = "  " if len(self.seconds) > 1 else ""
            print(lead + _time(stage, self.seconds[stage]), end="", file=sys.stderr, flush=True)


def _time(stage: str, seconds: float) -> str:
    return f"{stage} {seconds:.1f}s"
