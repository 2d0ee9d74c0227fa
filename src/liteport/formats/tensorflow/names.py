"""The names of a frozen graph's inputs and outputs, which stand beside it in NAME.pb.json:

{"signature": "serving_default",
 "inputs": {"x": {"tensor": "x:0", "dtype": "float32", "shape": [1, 224, 224, 3]}},
 "outputs": {"output": {"tensor": "output:0", "dtype": "float32", "shape": [1, 1000]}}}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from liteport.errors import InputError


@dataclass(frozen=True)
class Tensor:
    """A tensor of the graph: "name:0", its element type in NumPy's words, and its shape (-1 where a size is open)."""

    tensor: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class GraphNames:
    """The signature that the graph was written for, and the tensors of its inputs and outputs by name, in order."""

    signature: str
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]


def beside(graph: Path) -> Path:
    """Where the names of a graph stand: m.pb.json for m.pb."""
    return graph.with_name(f"{graph.name}.json")


def write_names(path: Path, names: GraphNames) -> None:
    path.write_text(json.dumps(asdict(names), indent=2) + "\n")


def read_names(path: Path) -> GraphNames:
    """Raises InputError for a file that is something else."""
    try:
        found = json.loads(path.read_text())
        sides = [
            {
                str(n): Tensor(str(t["tensor"]), str(t["dtype"]), tuple(map(int, t["shape"])))
                for n, t in found[k].items()
            }
            for k in ("inputs", "outputs")
        ]
        return GraphNames(str(found["signature"]), *sides)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} does not hold the names of a graph ({error}): remove it, or write it again"
        ) from error
