"""RNN, GRU and LSTM against ONNX Runtime: directions, functions, clipping, lengths, states, peepholes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

import liteport
from liteport.errors import LiteportError
from tests.frontends.onnx.harness import check, model

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
STEPS, BATCH, SIZE, HIDDEN = 5, 3, 4, 6


@dataclass
class Row:
    id: str
    operator: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    with_bias: bool = True
    with_states: bool = False
    with_peepholes: bool = False
    lengths: list[int] | None = None
    lengths_are_constant: bool = False
    steps: int = STEPS


EVERY = ["Sigmoid", "Tanh", "Relu", "Softplus", "Softsign", "Elu", "LeakyRelu", "HardSigmoid"]
SOME = {"activations": ["HardSigmoid", "Softsign", "Elu"], "activation_alpha": [0.3, 0.7], "activation_beta": [0.4]}
TWO_KINDS = ["Sigmoid", "Tanh", "Relu", "HardSigmoid", "Softsign", "Tanh"]

ROWS = [
    Row("rnn", "RNN"),
    Row("rnn without bias", "RNN", with_bias=False),
    Row("rnn backward", "RNN", {"direction": "reverse"}),
    Row("rnn both ways", "RNN", {"direction": "bidirectional"}, with_states=True),
    Row("rnn of two kinds", "RNN", {"direction": "bidirectional", "activations": ["Relu", "Tanh"]}),
    Row("rnn clipped", "RNN", {"clip": 0.3}),
    Row("rnn clipped at nothing", "RNN", {"clip": 0.0}),
    Row("rnn affine", "RNN", {"activations": ["Affine"], "activation_alpha": [0.5], "activation_beta": [0.1]}),
    Row("rnn scaled", "RNN", {"activations": ["ScaledTanh"], "activation_alpha": [0.5], "activation_beta": [0.9]}),
    *(Row(f"rnn {name}", "RNN", {"activations": [name]}) for name in EVERY),
    Row("rnn thresholded", "RNN", {"activations": ["ThresholdedRelu"], "activation_alpha": [0.2]}),
    Row("rnn in a loop", "RNN", {"direction": "bidirectional"}, steps=12, lengths=[12, 4, 9]),
    Row("gru", "GRU"),
    Row("gru resetting late", "GRU", {"linear_before_reset": 1}, with_states=True),
    Row("gru backward", "GRU", {"direction": "reverse"}, lengths=[5, 2, 1]),
    Row("gru both ways", "GRU", {"direction": "bidirectional"}, with_states=True, lengths=[3, 5, 2]),
    Row("gru both ways, late", "GRU", {"direction": "bidirectional", "linear_before_reset": 1}, with_states=True),
    Row("gru clipped", "GRU", {"clip": 0.2}),
    Row("gru of others", "GRU", {"activations": ["HardSigmoid", "Relu"], "activation_alpha": [0.3]}),
    Row("gru in a loop", "GRU", {"direction": "bidirectional"}, steps=40),
    Row("gru of constant lengths", "GRU", lengths=[5, 3, 4], lengths_are_constant=True),
    Row("lstm", "LSTM"),
    Row("lstm with states", "LSTM", with_states=True),
    Row("lstm backward", "LSTM", {"direction": "reverse"}, lengths=[1, 4, 5]),
    Row("lstm both ways", "LSTM", {"direction": "bidirectional"}, with_states=True, lengths=[1, 4, 5]),
    Row("lstm clipped", "LSTM", {"clip": 0.2}),
    Row("lstm coupled", "LSTM", {"input_forget": 1}),
    Row("lstm with peepholes", "LSTM", with_peepholes=True, with_states=True),
    Row("lstm with peepholes both ways", "LSTM", {"direction": "bidirectional"}, with_peepholes=True, steps=12),
    Row("lstm of others", "LSTM", SOME),
    Row("lstm of two kinds", "LSTM", {"direction": "bidirectional", "activations": TWO_KINDS}, with_states=True),
    Row("lstm in a loop", "LSTM", steps=40, lengths=[40, 17, 1], with_states=True),
]


@pytest.mark.parametrize("row", [pytest.param(row, id=row.id) for row in ROWS])
def test_against_onnx_runtime(row: Row) -> None:
    rng = np.random.default_rng(len(row.id))
    count = 2 if row.attributes.get("direction") == "bidirectional" else 1
    gates = GATES[row.operator] * HIDDEN

    def drawn(*shape: int) -> Any:
        return rng.normal(size=shape, scale=0.6).astype(np.float32)

    constants = {"w": drawn(count, gates, SIZE), "r": drawn(count, gates, HIDDEN)}
    inputs: dict[str, list[int | str]] = {"x": [row.steps, BATCH, SIZE]}
    given: dict[str, Any] = {"x": drawn(row.steps, BATCH, SIZE)}
    if row.with_bias:
        constants["b"] = drawn(count, 2 * gates)
    if row.lengths is not None and row.lengths_are_constant:
        constants["lengths"] = np.array(row.lengths, np.int32)
    elif row.lengths is not None:
        inputs["lengths"], given["lengths"] = [BATCH], np.array(row.lengths, np.int32)
    states = ["h", "c"] if row.operator == "LSTM" else ["h"]
    for name in states if row.with_states else []:
        inputs[name], given[name] = [count, BATCH, HIDDEN], drawn(count, BATCH, HIDDEN)
    if row.with_peepholes:
        constants["p"] = drawn(count, 3 * HIDDEN)
    names = ["x", "w", "r", "b", "lengths", *states, "p"]
    operands = [name if name in inputs or name in constants else "" for name in names]
    while not operands[-1]:
        operands.pop()
    results = ["y", "y_h", "y_c"][: 1 + len(states)]
    node = helper.make_node(row.operator, operands, results, hidden_size=HIDDEN, **row.attributes)
    check(model([node], inputs, results, constants, types={"lengths": TensorProto.INT32}), **given)


def test_the_number_of_steps_does_not_show_in_the_number_of_operators() -> None:
    rng = np.random.default_rng(0)
    constants = {
        "w": rng.normal(size=(1, 24, 4)).astype(np.float32),
        "r": rng.normal(size=(1, 24, 6)).astype(np.float32),
    }
    node = helper.make_node("LSTM", ["x", "w", "r"], ["y"], hidden_size=6)
    counts = []
    for steps in (20, 300):
        converted = liteport.convert(model([node], {"x": [steps, 1, 4]}, ["y"], constants))
        counts.append(sum(len(graph.ops) for graph in converted.module.graphs))
    assert counts[1] <= 2 * counts[0]


REFUSED = [
    ("RNN", ["Swish"], "the activation Swish: known are sigmoid, tanh"),
    ("GRU", ["Tanh"], "1 activations, where each direction takes 2"),
]


@pytest.mark.parametrize(("operator", "activations", "text"), REFUSED, ids=[r[0] for r in REFUSED])
def test_activations_that_it_does_not_have_are_refused(operator: str, activations: list[str], text: str) -> None:
    rows = 6 * GATES[operator]
    constants = {"w": np.ones((1, rows, 4), np.float32), "r": np.ones((1, rows, 6), np.float32)}
    node = helper.make_node(operator, ["x", "w", "r"], ["y"], hidden_size=6, activations=activations)
    with pytest.raises(LiteportError, match=text):
        liteport.convert(model([node], {"x": [2, 1, 4]}, ["y"], constants))
