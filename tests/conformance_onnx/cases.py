"""The standard's own cases, as onnx has them: a model, inputs, and the outputs that are due."""

from __future__ import annotations

import pickle
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, numpy_helper
from onnx.backend.test.loader import load_model_tests

KINDS = ("node", "simple", "pytorch-converted", "pytorch-operator")


@dataclass(frozen=True)
class Case:
    """One case: `operator` is what it is about, by which the results are grouped."""

    name: str
    kind: str
    operator: str
    model: ModelProto
    data: Sequence[tuple[Sequence[Any], Sequence[Any]]]
    rtol: float
    atol: float


def load() -> list[Case]:
    """Every case. Making those of single nodes takes a quarter of a minute: they are kept for the next time."""
    kept = Path(tempfile.gettempdir()) / f"liteport-onnx-{onnx.__version__}-cases.pickle"
    if kept.exists():
        return [Case(**{**fields, "model": onnx.load_from_string(fields["model"])}) for fields in _unpickled(kept)]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        cases = [_case(test) for kind in KINDS for test in load_model_tests(kind=kind)]
    cases = _grouped(cases)
    kept.write_bytes(pickle.dumps([{**vars(case), "model": case.model.SerializeToString()} for case in cases]))
    return cases


def _unpickled(path: Path) -> Any:
    return pickle.loads(path.read_bytes())


def _case(test: Any) -> Case:
    model = test.model or onnx.load(Path(test.model_dir) / "model.onnx")
    data = test.data_sets if test.data_sets is not None else _stored(Path(test.model_dir), model)
    arrays = [([*map(_array, inputs)], [*map(_array, outputs)]) for inputs, outputs in data]
    return Case(test.name, test.kind, "", model, arrays, test.rtol, test.atol)


def _array(value: Any) -> Any:
    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else value


def _grouped(cases: Sequence[Case]) -> list[Case]:
    """With the operator of each: a node case's first node, also where the case has that node's function in its place."""
    own = {case.name: case.model.graph.node[0].op_type for case in cases if case.kind == "node"}
    grouped = []
    for case in cases:
        base = case.name.split("_expanded")[0]
        operator = own.get(base, own.get(case.name, "")) if case.kind == "node" else case.kind
        grouped.append(Case(**{**vars(case), "operator": operator}))
    return grouped


def _stored(folder: Path, model: ModelProto) -> list[tuple[list[Any], list[Any]]]:
    """The inputs and outputs beside a model."""
    sets = []
    for data in sorted(folder.glob("test_data_set_*")):
        both = []
        for role, infos in (("input", model.graph.input), ("output", model.graph.output)):
            files = [data / f"{role}_{i}.pb" for i in range(len(infos)) if (data / f"{role}_{i}.pb").exists()]
            both.append([_tensor(file) for file in files])
        sets.append((both[0], both[1]))
    return sets


def _tensor(file: Path) -> Any:
    tensor = TensorProto()
    tensor.ParseFromString(file.read_bytes())
    return numpy_helper.to_array(tensor)
