"""The STABLEHLO_* operators, by their specification."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from liteport.backends.tensorflow.context import Context, Table, Tensor
from liteport.backends.tensorflow.ops.arithmetic import binary
from liteport.backends.tensorflow.ops.pool import apart, windowed
from liteport.ir import ops


def padded(x: Tensor, value: Tensor, edges: Sequence[tuple[int, int]], gaps: Sequence[int]) -> Tensor:
    """x with `value` at its edges and between its elements; a negative edge cuts off."""
    x = apart(x, gaps, value)
    x = tf.raw_ops.PadV2(input=x, paddings=[[max(low, 0), max(high, 0)] for low, high in edges], constant_values=value)
    begin = [max(-low, 0) for low, _ in edges]
    end = tf.shape(x) - [max(-high, 0) for _, high in edges]
    return tf.slice(x, begin, tf.maximum(end - begin, 0))


def pad(c: Context, x: Tensor, value: Tensor) -> Tensor:
    o = c.operator
    return padded(x, value, list(zip(o.edge_padding_low, o.edge_padding_high, strict=True)), o.interior_padding)


def gather(c: Context, x: Tensor, indices: Tensor) -> Tensor:
    """Every element's own index: where its block begins, kept inside of x, and its place in the block."""
    o = c.operator
    rank = len(o.slice_sizes)
    starts = _starts(indices, o.index_vector_dim, len(c.op.operand(1).shape), o.start_index_map, rank)
    starts = tf.clip_by_value(starts, 0, tf.shape(x) - list(o.slice_sizes))
    places = np.stack(np.meshgrid(*map(np.arange, o.slice_sizes), indexing="ij"), -1).astype(np.int32)
    batch = starts.shape.rank - 1
    full = starts[(..., *[None] * rank, slice(None))] + places
    found = tf.squeeze(tf.gather_nd(x, full), [batch + d for d in o.collapsed_slice_dims])
    total = found.shape.rank
    outer, inner = iter(range(batch)), iter(range(batch, total))
    return tf.transpose(found, [next(inner if d in o.offset_dims else outer) for d in range(total)])


def _starts(indices: Tensor, vector: int, dims: int, axes: Sequence[int], rank: int) -> Tensor:
    """The start indices along the last dimension, for every dimension of the operand: 0 where none is given."""
    indices = tf.cast(indices, tf.int32)
    if vector == dims:
        indices = tf.expand_dims(indices, -1)
    else:
        indices = tf.transpose(indices, [*(d for d in range(dims) if d != vector), vector])
    zeros = tf.zeros_like(indices[..., 0])
    return tf.stack([indices[..., list(axes).index(d)] if d in axes else zeros for d in range(rank)], -1)


def scatter(c: Context, x: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
    """Updates outside of x are left out."""
    o, shape = c.operator, c.op.input.shape
    rank = len(shape)
    starts = _starts(indices, o.index_vector_dim, len(c.op.operand(1).shape), o.scatter_dims_to_operand_dims, rank)
    # Updates [outer..., window...], and where each of a window's elements stands beside its start.
    window = list(o.update_window_dims)
    outer = [d for d in range(c.op.operand(2).rank) if d not in window]
    updates = tf.transpose(updates, [*outer, *window])
    kept = iter(c.op.operand(2).shape[d] for d in window)
    sizes = [1 if d in o.inserted_window_dims else next(kept) for d in range(rank)]
    places = np.stack(np.meshgrid(*map(np.arange, sizes), indexing="ij"), -1).astype(np.int32)
    full = tf.reshape(starts[(..., *[None] * rank, slice(None))] + places, (-1, rank))
    inside = tf.reduce_all((full >= 0) & (full < tf.shape(x)), 1)
    full, flat = tf.boolean_mask(full, inside), tf.boolean_mask(tf.reshape(updates, (-1,)), inside)
    return _combined(c, x, full, flat)


def _combined(c: Context, x: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
    """LiteRT knows the function by its one operator."""
    functions = {
        ops.StablehloAdd: tf.tensor_scatter_nd_add,
        ops.StablehloMaximum: tf.tensor_scatter_nd_max,
        ops.StablehloMinimum: tf.tensor_scatter_nd_min,
        ops.StablehloMultiply: _multiplied,
    }
    operators = [type(op.operator) for op in c.body(c.operator.update_computation_subgraph).ops]
    if not operators:
        return tf.tensor_scatter_nd_update(x, indices, updates)
    if len(operators) > 1 or operators[0] not in functions:
        raise c.unsupported("combines by more than one operator")
    return functions[operators[0]](x, indices, updates)


def _multiplied(x: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
    size = tf.shape(x)
    flat = tf.reduce_sum(indices * tf.math.cumprod(size, exclusive=True, reverse=True), 1)
    factors = tf.math.unsorted_segment_prod(updates, flat, tf.reduce_prod(size))
    return x * tf.reshape(factors, size)


def reduce_window(c: Context, x: Tensor, initial: Tensor) -> Tensor:
    o = c.operator
    rank = len(o.window_dimensions)
    ones = (1,) * rank
    pads = o.padding or (0,) * 2 * rank
    gaps = [step - 1 for step in o.base_dilations or ones]
    x = padded(x, initial, list(zip(pads[::2], pads[1::2], strict=True)), gaps)
    return windowed(
        x,
        initial,
        o.window_dimensions,
        o.window_strides or ones,
        o.window_dilations or ones,
        lambda left, right: c.call(o.body_subgraph, [left, right])[0],
    )


def case(c: Context, index: Tensor, *values: Tensor) -> Sequence[Tensor]:
    """The last graph for an index that is none."""
    branches = [lambda name=name: tuple(c.call(name, values)) for name in c.operator.branch_subgraphs]
    found: Sequence[Tensor] = tf.switch_case(tf.reshape(index, ()), branches)
    return found


def composite(c: Context, *values: Tensor) -> Sequence[Tensor]:
    return c.call(c.operator.decomposition_subgraph, values)


EMITTERS: Table = {
    ops.StablehloAdd: binary(tf.add),
    ops.StablehloMultiply: binary(tf.multiply),
    ops.StablehloMaximum: binary(tf.maximum),
    ops.StablehloMinimum: binary(tf.minimum),
    ops.StablehloShiftLeft: binary(tf.bitwise.left_shift),
    ops.StablehloPad: pad,
    ops.StablehloGather: gather,
    ops.StablehloScatter: scatter,
    ops.StablehloReduceWindow: reduce_window,
    ops.StablehloCase: case,
    ops.StablehloComposite: composite,
}
