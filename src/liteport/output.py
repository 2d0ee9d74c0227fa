"""Files that appear whole or not at all: checked before the work, written beside their place, renamed at the end."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from liteport.backends.tflite.writer import save
from liteport.errors import InputError
from liteport.ir.graph import Graph, Module, Op

SUFFIX = ".tflite"


def check_target(path: str | Path, source: str | Path | None = None) -> Path:
    """Where a model can be written: `path`, its links followed.

    Raises InputError for another suffix, a folder, a folder that does not exist or cannot be written
    to, anything else that is no regular file, and for the file that the model is made from.
    """
    target = Path(path)
    if target.is_dir():
        raise InputError(f"{target} is a folder: name the file in it, such as {target / 'model.tflite'}")
    if target.suffix != SUFFIX:
        raise InputError(f"the output must be called something{SUFFIX}: {target} is not")
    if target.exists() and not target.is_file():
        raise InputError(f"{target} is not a regular file: name another output")
    if not target.parent.is_dir():
        raise InputError(f"there is no folder {target.parent}: create it, or name another output")
    if source is not None and target.exists() and Path(source).exists() and target.samefile(source):
        raise InputError(f"{target} is the source itself: name another output with -o")
    target = target.resolve()
    try:
        # Permissions do not tell (root, read-only mounts, quotas): only trying does.
        probe = beside(target)
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise InputError(f"{target.parent} cannot be written to ({error.strerror}): name another output") from error
    return target


@contextmanager
def staged(modules: Mapping[Path, Module]) -> Iterator[dict[Path, Path]]:
    """Writes each module beside its target; the block gets {target: written file}.

    When the block ends well every file is renamed to its target; when it does not, or is interrupted,
    they are removed, and what stood at the targets stays.
    """
    written: dict[Path, Path] = {}
    try:
        for target, module in modules.items():
            written[target] = beside(target)
            save(module, written[target])
        yield written
        for target, file in written.items():
            os.replace(file, target)
    finally:
        for file in written.values():
            file.unlink(missing_ok=True)


def beside(target: Path) -> Path:
    """A name for the file while it is written, in the same folder: a rename must not cross file systems."""
    return target.with_name(f".{target.stem}.{os.getpid()}{SUFFIX}")


def by_signature(module: Module, target: Path) -> dict[Path, Module]:
    """A module for each signature, and the file that it goes to: model.tflite becomes model.<signature>.tflite.

    Raises InputError where a signature's name cannot be part of a file's name.
    """
    parts: dict[Path, Module] = {}
    for graph in module.signatures:
        name = f"{target.stem}.{graph.signature}{SUFFIX}"
        if Path(name).name != name:
            raise InputError(
                f"signature {graph.signature!r} cannot be part of a file's name: save them all as one file"
            )
        graphs = [graph, *_bodies(graph, module)]
        parts[target.with_name(name)] = Module(graphs, dict(module.metadata), module.description)
    return parts


def _bodies(graph: Graph, module: Module) -> list[Graph]:
    """The graphs that the control flow in `graph` refers to, and those in turn."""
    found: dict[str, Graph] = {graph.name: graph}
    waiting = [graph]
    while waiting:
        for name in [name for op in waiting.pop().ops for name in _references(op)]:
            if name not in found:
                found[name] = module.graph(name)
                waiting.append(found[name])
    return [body for body in found.values() if body is not graph]


def _references(op: Op) -> list[str]:
    """The names of graphs in the operator's attributes, which are called ..._subgraph."""
    return [name for key, name in vars(op.operator).items() if key.endswith("_subgraph") and name]
