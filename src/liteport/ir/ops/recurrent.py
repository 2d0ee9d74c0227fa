"""Recurrent layers as single kernels. States are variable tensors that the kernel updates in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from liteport.ir.ops.base import FLOAT, Activation, DTypes, Operator, Types, given, operands
from liteport.ir.types import TensorType

if TYPE_CHECKING:
    from liteport.ir.graph import Value


def _rows(operator: Operator, x: Value, units: int) -> TensorType:
    """[batch, units]."""
    if x.rank != 2:
        raise operator.fail(f"input {x.type} is not of rank 2 (batch, features)")
    return TensorType(x.dtype, (x.shape[0], units))


def _units(operator: Operator, value: Value, axis: int) -> int:
    """The number of units that a matrix of weights (axis 0) or a state (axis -1) has."""
    if value.rank != 2:
        raise operator.fail(f"{value.name} {value.type} is not of rank 2")
    return value.shape[axis]


def _check_input_gate(operator: Operator, inputs: Sequence[Value | None], weights: int, bias: int) -> None:
    """That an LSTM whose input gate has weights has its bias too. Raises Malformed."""
    if inputs[weights] is not None and inputs[bias] is None:
        raise operator.malformed(f"input {bias}, the input gate's bias, is missing")


def _sequence(operator: Operator, x: Value, time_major: bool, units: int) -> TensorType:
    """[batch, time, units], or [time, batch, units]: the same leading dimensions as x."""
    if x.rank != 3:
        raise operator.fail(
            f"input {x.type} is not of rank 3 ({'time, batch' if time_major else 'batch, time'}, features)"
        )
    return TensorType(x.dtype, (*x.shape[:2], units))


@dataclass(frozen=True)
class UnidirectionalSequenceLstm(Operator):
    """An LSTM over a sequence.

    Inputs (None where left out): 0 x; 1-4 input-to-(input, forget, cell, output) weights
    [units, features]; 5-8 recurrent-to-... weights [units, outputs]; 9-11 cell-to-(input, forget,
    output) peepholes [units]; 12-15 biases of the four gates [units]; 16 projection weights
    [outputs, units] and 17 bias; 18 output state [batch, outputs] and 19 cell state [batch, units],
    both variable; 20-23 layer-norm coefficients of the four gates [units].
    """

    name: ClassVar[str] = "UNIDIRECTIONAL_SEQUENCE_LSTM"
    dtypes: ClassVar[DTypes] = FLOAT
    max_rank: ClassVar[int] = 3
    stateful: ClassVar[bool] = True
    activation: Activation = Activation.TANH
    cell_clip: float = 0.0
    proj_clip: float = 0.0
    time_major: bool = False
    asymmetric_quantize_inputs: bool = False
    diagonal_recurrent_tensors: bool = False

    def infer(self, *inputs: Value | None) -> Types:
        x, state = given(self, inputs, (0, 18), (20, 24))
        _check_input_gate(self, inputs, 1, 12)
        return (_sequence(self, x, self.time_major, _units(self, state, -1)),)


@dataclass(frozen=True)
class BidirectionalSequenceLstm(Operator):
    """Two LSTMs over a sequence, one from each end.

    Inputs: 0 x; 1-17 the forward cell's weights, peepholes, biases and projection in the order of
    UnidirectionalSequenceLstm; 18-34 the backward cell's; 35-38 variable states (forward output and
    cell, backward output and cell); 39 auxiliary input and 40-47 its weights, forward then backward.
    Results: both concatenated along the features where `merge_outputs`, else two.
    """

    name: ClassVar[str] = "BIDIRECTIONAL_SEQUENCE_LSTM"
    dtypes: ClassVar[DTypes] = FLOAT
    max_rank: ClassVar[int] = 3
    stateful: ClassVar[bool] = True
    activation: Activation = Activation.TANH
    cell_clip: float = 0.0
    proj_clip: float = 0.0
    merge_outputs: bool = False
    time_major: bool = True
    asymmetric_quantize_inputs: bool = False

    def infer(self, *inputs: Value | None) -> Types:
        x, forward, backward = given(self, inputs, (0, 35, 37), (39, 48))
        _check_input_gate(self, inputs, 1, 12)
        _check_input_gate(self, inputs, 18, 29)
        units = (_units(self, forward, -1), _units(self, backward, -1))
        return _merged(self, x, self.time_major, self.merge_outputs, *units)


@dataclass(frozen=True)
class UnidirectionalSequenceRnn(Operator):
    """A plain recurrent layer: x, weights [units, features], recurrent weights [units, units], bias, variable state."""

    name: ClassVar[str] = "UNIDIRECTIONAL_SEQUENCE_RNN"
    dtypes: ClassVar[DTypes] = FLOAT
    max_rank: ClassVar[int] = 3
    stateful: ClassVar[bool] = True
    time_major: bool = False
    activation: Activation = Activation.TANH
    asymmetric_quantize_inputs: bool = False

    def infer(self, *inputs: Value | None) -> Types:
        x, weights, *_ = operands(self, inputs, 5)
        return (_sequence(self, x, self.time_major, _units(self, weights, 0)),)


@dataclass(frozen=True)
class BidirectionalSequenceRnn(Operator):
    """Two plain recurrent layers, one from each end.

    Inputs: 0 x; 1-4 forward weights, recurrent weights, bias and variable state; 5-8 the backward
    ones; 9 auxiliary input and 10-11 its weights, which may all be left out (None).
    """

    name: ClassVar[str] = "BIDIRECTIONAL_SEQUENCE_RNN"
    dtypes: ClassVar[DTypes] = FLOAT
    max_rank: ClassVar[int] = 3
    stateful: ClassVar[bool] = True
    time_major: bool = False
    activation: Activation = Activation.TANH
    merge_outputs: bool = False
    asymmetric_quantize_inputs: bool = False

    def infer(self, *inputs: Value | None) -> Types:
        x, forward, backward = given(self, inputs, (0, 1, 5), (12,))
        units = (_units(self, forward, 0), _units(self, backward, 0))
        return _merged(self, x, self.time_major, self.merge_outputs, *units)


def _merged(op: Operator, x: Value, time_major: bool, merge: bool, forward: int, backward: int) -> Types:
    if merge:
        return (_sequence(op, x, time_major, forward + backward),)
    return (_sequence(op, x, time_major, forward), _sequence(op, x, time_major, backward))


@dataclass(frozen=True)
class Lstm(Operator):
    """One step of an LSTM. `kernel_type` FULL has the inputs of UnidirectionalSequenceLstm with x [batch, features].

    BASIC has x, the previous activation, weights, bias and previous state, and four results.
    """

    name: ClassVar[str] = "LSTM"
    dtypes: ClassVar[DTypes] = FLOAT
    max_rank: ClassVar[int] = 2
    stateful: ClassVar[bool] = True
    activation: Activation = Activation.TANH
    cell_clip: float = 0.0
    proj_clip: float = 0.0
    kernel_type: str = "FULL"
    asymmetric_quantize_inputs: bool = False

    def infer(self, *inputs: Value | None) -> Types:
        if self.kernel_type == "BASIC":
            x, activation, weights, _, state = operands(self, inputs, 5)
            joined = _units(self, x, -1) + _units(self, activation, -1)
            gates = _units(self, weights, 0)
            return (activation.type, state.type, _rows(self, x, joined), _rows(self, x, gates))
        x, state = given(self, inputs, (0, 18), (20, 24))
        _check_input_gate(self, inputs, 1, 12)
        return (_rows(self, x, _units(self, state, -1)),)


@dataclass(frozen=True)
class Rnn(Operator):
    """One step of a plain recurrent layer: x [batch, features], weights, recurrent weights, bias, variable state."""

    name: ClassVar[str] = "RNN"
    dtypes: ClassVar[DTypes] = FLOAT
    max_rank: ClassVar[int] = 2
    stateful: ClassVar[bool] = True
    activation: Activation = Activation.TANH
    asymmetric_quantize_inputs: bool = False

    def infer(self, *inputs: Value | None) -> Types:
        x, weights, *_ = operands(self, inputs, 5)
        return (_rows(self, x, _units(self, weights, 0)),)


@dataclass(frozen=True)
class Svdf(Operator):
    """A rank-decomposed layer with memory: x [batch, features], feature weights [filters, features], time weights
    [filters, memory], bias or None, variable state [batch, memory * filters]."""

    name: ClassVar[str] = "SVDF"
    dtypes: ClassVar[DTypes] = FLOAT
    max_rank: ClassVar[int] = 2
    stateful: ClassVar[bool] = True
    rank: int = 1
    activation: Activation = Activation.NONE
    asymmetric_quantize_inputs: bool = False

    def infer(self, *inputs: Value | None) -> Types:
        x, weights, _ = operands(self, inputs, 3)
        filters = _units(self, weights, 0)
        if self.rank < 1 or filters % self.rank:
            raise self.fail(f"{filters} filters are no multiple of rank {self.rank}")
        return (_rows(self, x, filters // self.rank),)
