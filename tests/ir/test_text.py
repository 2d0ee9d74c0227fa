"""The listing of graphs."""

from __future__ import annotations

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module, Value, constant
from liteport.ir.text import format
from liteport.ir.types import DType, Source, TensorType

EXPECTED = """\
graph main (signature run)(%x: float32[1,4,4,2]):
  %conv: float32[1,2,2,3] = CONV_2D(%x, float32[3,1,1,2]{w}, float32[3]) {padding=SAME, stride=(2, 2)}  # net (n.py:3)
  %v: int8[2] = CUSTOM() {custom_code=Mine, custom_options=<3 bytes>}
  ASSIGN_VARIABLE(%handle, %conv)
  %f: float32[1,3] = FULLY_CONNECTED(%conv, int4[3,4], none)
  return %f, %x

graph body():
  return float32[2][1.0, 2.0]"""


def test_format() -> None:
    main, body = Graph("main", signature="run"), Graph("body")
    b = Builder(main)
    x = b.input(TensorType(DType.FLOAT32, (1, 4, 4, 2)), "x")
    weights = [b.const(np.ones((3, 1, 1, 2), np.float32)), b.const(np.zeros(3, np.float32))]
    b.source = Source("net", "n.py:3")
    y = b.emit(ops.Conv2D(padding=ops.Padding.SAME, stride=(2, 2)), x, *weights, name="conv")
    b.source = Source()
    custom = ops.Opaque(custom_code="Mine", custom_options=b"abc")
    b.emit_many(custom, name="v", types=(TensorType(DType.INT8, (2,)),))
    handle = Value(TensorType(DType.RESOURCE, (1,)), "handle", variable=True)
    b.emit_many(ops.AssignVariable(), handle, y)
    packed = constant(np.zeros(6, np.uint8), "packed", DType.INT4, (3, 4))
    types = (TensorType(DType.FLOAT32, (1, 3)),)
    z = b.emit_many(ops.FullyConnected(), y, packed, None, name="f", types=types)[0]
    main.outputs = [z, x]
    body.outputs = [constant(np.array([1, 2], np.float32))]
    listing = EXPECTED.replace("{w}", "[[[[1.0, 1.0]]], [[[1.0, 1.0]]], [[[1.0, 1.0]]]]").replace(
        "float32[3])", "float32[3][0.0, 0.0, 0.0])"
    )
    assert format(Module([main, body])) == listing
