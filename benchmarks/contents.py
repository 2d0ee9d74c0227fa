"""What a .tflite of any converter holds."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from ai_edge_litert import schema_py_generated as schema

BUILTINS = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}


def operators(file: Path) -> Counter[str]:
    """The operators of a .tflite by name, read with LiteRT's own schema."""
    model = schema.Model.GetRootAs(file.read_bytes(), 0)
    graphs = [model.Subgraphs(i) for i in range(model.SubgraphsLength())]
    indices = [g.Operators(i).OpcodeIndex() for g in graphs for i in range(g.OperatorsLength())]
    codes = [model.OperatorCodes(i) for i in indices]
    return Counter(BUILTINS[max(c.BuiltinCode(), c.DeprecatedBuiltinCode())] for c in codes)
