"""What the commands print: tables that are read at a glance, in 80 columns, and as plain text when piped."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from liteport.chain import Stages
    from liteport.check.compare import Verification
    from liteport.check.inspection import Inspection, SignatureInfo, Tensor
    from liteport.check.measure import OutputCheck
    from liteport.check.profile import Profile
    from liteport.formats.tensorflow.names import GraphNames
    from liteport.quantize.run import Quantised

_SHOWN = 8
_PIPED = 120  # columns, where there is no terminal
_TIED = "\ue000"  # printed as a space, at which no line ends (Rich breaks lines at no-break spaces too)


def size(count: int) -> str:
    """Bytes for people: 512 B, 1.9 MB."""
    number = float(count)
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" or number >= 100 else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.2f} GB"


def headline(path: str | Path, bytes: int, seconds: float | None = None) -> Text:
    """The file's name, its size, and how long it took."""
    took = "" if seconds is None else f" in {seconds:.1f} s"
    return Text.assemble((str(path), "bold"), f"  {size(bytes)}{took}")


def signatures(inspection: Inspection) -> RenderableType:
    """Inputs and outputs with names, types and shapes."""
    table = _table()
    several = len(inspection.signatures) > 1
    if several:
        table.add_column("signature", overflow="fold")
    table.add_column("")
    table.add_column("name", overflow="fold")
    table.add_column("type", no_wrap=True)
    table.add_column("shape", overflow="fold")
    for signature in inspection.signatures:
        for row in _rows(signature):
            table.add_row(*row if several else row[1:])
    return table


def _rows(signature: SignatureInfo) -> list[tuple[str, ...]]:
    def row(side: str, tensor: Tensor) -> tuple[str, ...]:
        return side, tensor.name, tensor.dtype, ",".join(map(str, tensor.shape)) or "scalar"

    rows = [row("in", tensor) for tensor in signature.inputs] + [row("out", tensor) for tensor in signature.outputs]
    return [(signature.name if i == 0 else "", *row) for i, row in enumerate(rows)]


def tensors(signatures: Sequence[GraphNames]) -> RenderableType:
    """The inputs and outputs of TensorFlow's graphs, and the tensors that they are."""
    table = _table()
    several = len(signatures) > 1
    if several:
        table.add_column("signature", overflow="fold")
    table.add_column("")
    table.add_column("name", overflow="fold")
    table.add_column("tensor", overflow="fold")
    table.add_column("type", no_wrap=True)
    table.add_column("shape", overflow="fold")
    for names in signatures:
        sides = (("in", names.inputs), ("out", names.outputs))
        rows = [(side, name, tensor) for side, found in sides for name, tensor in found.items()]
        for number, (side, name, tensor) in enumerate(rows):
            shape = ",".join(map(str, tensor.shape)) or "scalar"
            row = (side, name, tensor.tensor, tensor.dtype, shape)
            table.add_row(*([names.signature if number == 0 else ""] if several else []), *row)
    return table


def operators(inspection: Inspection, shown: int | None = _SHOWN) -> Text:
    """How many of which, most frequent first, and what the transposes among them move."""
    counts = list(inspection.operators.items())
    cut = len(counts) if shown is None or len(counts) <= shown + 1 else shown
    items = [f"{name}{_TIED}{count}" for name, count in counts[:cut]]
    if others := counts[cut:]:
        items.append(f"and {sum(count for _, count in others)} more of {len(others)} kinds")
    total = sum(count for _, count in counts)
    text = Text.assemble((f"{total} operator{'s' * (total != 1)}", "bold"), ": " if items else "", ", ".join(items))
    moves = f"{inspection.transposes} transpose{'s move' if inspection.transposes > 1 else ' moves'}"
    moved = f"{moves} {size(inspection.transposed_bytes)} in a run"
    return text.append(f"\n{moved if inspection.transposes else 'no transposes'}")


def parts(inspection: Inspection) -> RenderableType:
    """What the file's bytes are spent on."""
    table = _table()
    table.add_column("part")
    table.add_column("size", justify="right")
    table.add_column("share", justify="right")
    for name, count in vars(inspection.parts).items():
        table.add_row(name, size(count), f"{count / inspection.size:.1%}")
    return table


def quantised(done: Quantised) -> Text:
    """What became smaller, and what did not: a line for each operator and reason."""
    sizes = f"{size(done.before)} to {size(done.after)}, {done.after / done.before:.0%}"
    text = Text.assemble((f"quantised to {done.mode}", "bold"), f": {sizes}\n")
    text.append(", ".join(f"{name}{_TIED}{count}" for name, count in done.done.items()))
    if done.samples:
        text.append(f"\nscaled to {', '.join(map(str, set(done.samples.values())))} samples")
    for (name, why), count in done.left.items():
        text.append(f"\nleft in float: {name}{_TIED}{count}, {why}", "yellow")
    return text


def verification(result: Verification) -> RenderableType:
    """One row for each output, and on what it was compared."""
    table = _table()
    several = len({check.signature for check in result.outputs}) > 1
    if several:
        table.add_column("signature", overflow="fold")
    table.add_column("output", overflow="fold", min_width=6)
    for title in result.outputs[0].figures if result.outputs else ():
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for check in result.outputs:
        named = [check.signature, check.name] if several else [check.name]
        table.add_row(*named, *check.figures.values(), _verdict(check))
    lines = [
        Text(f"{check.name}: {check.remark}", "yellow" if check.passed else "red")
        for check in result.outputs
        if check.is_empty or not check.passed
    ]
    return Group(table, *lines, Text(result.summary, "green" if result.passed else "bold red"))


def _verdict(check: OutputCheck) -> Text:
    if not check.passed:
        return Text("differs", "bold red")
    if check.is_empty:
        return Text("empty", "yellow")
    exact = not check.worst_error and not check.differing
    return Text("equal" if exact else "rounding" if check.is_rounding else "ok", "green")


def milliseconds(seconds: float) -> str:
    """Three figures that matter: 123, 12.3, 1.23, 0.123."""
    number = seconds * 1e3
    return f"{number:.{0 if number >= 100 else 1 if number >= 10 else 2 if number >= 1 else 3}f}"


def run_time(path: str | Path, profile: Profile) -> Text:
    """The file's name, and how long a run takes."""
    what = f"{milliseconds(profile.seconds)} ms ± {profile.spread / 2:.0%}"
    threads = f"{profile.threads} thread{'s' * (profile.threads != 1)}"
    return Text.assemble((str(path), "bold"), f"  {what}  ({profile.runs} runs, {threads}, {profile.runtime})")


def slowest(profile: Profile, shown: int | None) -> RenderableType:
    """The operators by time."""
    table = _table()
    for title in ("ms", "share"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("operator", no_wrap=True)
    table.add_column("result", overflow="fold")
    table.add_column("runs as", overflow="fold")
    table.add_column("name", overflow="fold")
    for each in profile.slowest[:shown]:
        operator = each.operator if each.calls <= 1 else f"{each.operator} ({each.calls}x)"
        kernel = re.sub(r" \(.*?\)", "", each.kernel) or "joined"  # without XNNPACK's words for types and layouts
        table.add_row(*_share(each.seconds, profile), operator, _result(each.type), kernel, each.output)
    return table


def _result(type: str) -> str:
    """A tensor's shape, and its type where that is not float32."""
    return type.removeprefix("float32").strip("[]") or "scalar" if type.startswith("float32") else type


def kinds(profile: Profile) -> RenderableType:
    """The operators by name, and what is left of a run."""
    table = _table()
    for title in ("ms", "share", "count"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("operator", no_wrap=True)
    for kind in profile.kinds:
        table.add_row(*_share(kind.seconds, profile), str(kind.count), kind.operator)
    table.add_row(*_share(profile.elsewhere, profile), "", "between the operators")
    return table


def _share(seconds: float, profile: Profile) -> tuple[str, str]:
    whole = sum(each.seconds for each in profile.operators) + profile.elsewhere
    return milliseconds(seconds), f"{seconds / whole:.1%}"


def partitions(profile: Profile) -> RenderableType:
    """How much of it XNNPACK runs, and why not the rest."""
    count, outside = profile.partitions, len(profile.outside)
    runs = f"XNNPACK runs {len(profile.operators) - outside} of {len(profile.operators)} operators"
    text = Text(f"{runs} in {count} partition{'s' * (count != 1)}")
    if not outside:
        return text
    table = _table()
    for title in ("ms", "share", "count"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("left out", no_wrap=True)
    table.add_column("why", overflow="fold")
    for (operator, reason), each in profile.left_out.items():
        table.add_row(*_share(sum(o.seconds for o in each), profile), str(len(each)), operator, reason)
    return Group(text, Text(), table)


def advice(profile: Profile) -> RenderableType:
    """What would take less time in another form."""
    table = _table()
    for title in ("ms", "share", "count"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("has a faster form", overflow="fold")
    for rule, each in profile.advice.items():
        table.add_row(*_share(sum(o.seconds for o in each), profile), str(len(each)), rule)
    return table


def kit(folder: Path, files: Sequence[Path]) -> Text:
    """Where a tuning kit is, and what to do with it."""
    what = f"  {len(files) - 2} candidates, {size(sum(file.stat().st_size for file in files))}\n"
    how = "On the device: python run.py, which writes record.json; then liteport convert ... --tune-from record.json"
    return Text.assemble((str(folder), "bold"), what, how)


def folder(place: Path, found: Stages) -> Text:
    """The stages' folder, and what is in it."""
    names = ", ".join(file.name for stage in found.stages for file in stage.files) or "nothing"
    return Text.assemble((str(place), "bold"), f"  {names}")


def stages(found: Stages) -> RenderableType:
    """A row for each stage, on what they were compared, and what failed."""
    from liteport.chain import COLUMNS

    table = _table()
    for title in COLUMNS:
        table.add_column(title, justify="left" if title == "stage" else "right", no_wrap=True)
    for row in found.rows:
        table.add_row(*row)
    problems = [Text(f"{stage.kind}: {stage.problem}", "red") for stage in found.stages if stage.problem]
    said = [notes(found.notes)] if found.notes else []
    return Group(table, Text(f"compared on {found.samples}", "green" if found.passed else ""), *problems, *said)


def notes(lines: Sequence[str]) -> Text:
    """What was done to the model before it was converted."""
    return Text("\n".join(f"note: {line}" for line in lines), "yellow")


def show(head: RenderableType | None, *blocks: RenderableType, stderr: bool = False) -> None:
    """Prints a headline, and blocks, each of them indented after an empty line."""
    console = Console(stderr=stderr, highlight=False)  # words as they are: no guessing of numbers and paths
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _PIPED
    with console.capture() as captured:
        if head is not None:
            console.print(head, soft_wrap=True)
        for block in blocks:
            console.print(Padding(block, (1, 0, 0, 2), expand=False))
    text = captured.get().replace(_TIED, " ")
    if not console.is_terminal:  # what pads a table's cells is no use in a file
        text = "".join(f"{line.rstrip()}\n" for line in text.splitlines())
    console.file.write(text)


def _table() -> Table:
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
