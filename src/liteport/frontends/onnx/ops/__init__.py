"""Every lowering of an ONNX operator, by domain and name: the families' tables, merged."""

from __future__ import annotations

from liteport.frontends.onnx.context import Table
from liteport.frontends.onnx.ops import (
    activation,
    attention,
    blocks,
    compare,
    contrib,
    control,
    conv,
    create,
    data,
    detection,
    elementwise,
    fused,
    grid,
    grouped,
    index,
    matmul,
    norm,
    pool,
    quantize,
    quantized,
    recurrent,
    reduce,
    resize,
    sequence,
    shape,
    signal,
    text,
    unary,
    unique,
)
from liteport.ir.tables import merged

FAMILIES = (
    activation,
    attention,
    blocks,
    compare,
    control,
    contrib,
    conv,
    create,
    data,
    detection,
    elementwise,
    fused,
    grid,
    grouped,
    index,
    matmul,
    norm,
    pool,
    quantize,
    quantized,
    recurrent,
    reduce,
    resize,
    sequence,
    shape,
    signal,
    text,
    unary,
    unique,
)

LOWERINGS: Table = merged(family.LOWERINGS for family in FAMILIES)
LOWERINGS |= {("", name): quantize.as_stored(LOWERINGS["", name]) for name in quantize.MOVES if ("", name) in LOWERINGS}
