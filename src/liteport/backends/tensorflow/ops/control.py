"""Control flow, over the other graphs of the module, and state."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from liteport.backends.tensorflow.context import Context, Table, Tensor
from liteport.ir import ops
from liteport.ir.sizes import Size


def if_(c: Context, condition: Tensor, *values: Tensor) -> Sequence[Tensor]:
    o = c.operator
    found: Sequence[Tensor] = tf.cond(
        tf.reshape(condition, ()),
        lambda: tuple(c.call(o.then_subgraph, values)),
        lambda: tuple(c.call(o.else_subgraph, values)),
    )
    return found


def while_(c: Context, *values: Tensor) -> Sequence[Tensor]:
    """Dimensions that one time round may change are open."""
    o = c.operator
    begin = [tf.convert_to_tensor(value) for value in values]
    pairs = zip(begin, c.op.outputs, strict=True)
    shapes = [tf.TensorShape(_joined(x.shape.as_list(), result.shape)) for x, result in pairs]
    found: Sequence[Tensor] = tf.while_loop(
        lambda *state: tf.reshape(c.call(o.cond_subgraph, state)[0], ()),
        lambda *state: tuple(c.call(o.body_subgraph, state)),
        tuple(begin),
        shape_invariants=tuple(shapes),
    )
    return found


def _joined(before: Sequence[int | None], after: Sequence[int]) -> list[int | None]:
    return [b if b == a and not isinstance(a, Size) else None for b, a in zip(before, after, strict=True)]


def call_once(c: Context) -> None:
    """What is done at the first run is done now: it is what the variables begin with."""
    with tf.init_scope():
        c.call(c.operator.init_subgraph, [])


def var_handle(c: Context) -> Tensor:
    """The variable's name: its type is only known where it is read or written."""
    return c.operator.shared_name or c.operator.container


def read_variable(c: Context, handle: Tensor) -> Tensor:
    return c.state(handle, c.op.output).read_value()


def assign_variable(c: Context, handle: Tensor, value: Tensor) -> None:
    c.state(handle, c.op.operand(1)).assign(value)


EMITTERS: Table = {
    ops.If: if_,
    ops.While: while_,
    ops.CallOnce: call_once,
    ops.VarHandle: var_handle,
    ops.ReadVariable: read_variable,
    ops.AssignVariable: assign_variable,
}
