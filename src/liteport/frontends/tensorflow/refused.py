"""Why TensorFlow's converter refuses a graph, in a sentence that says what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from liteport.errors import UnsupportedError
from liteport.formats.tensorflow.graphs import all_nodes

# "	tf.Mul(tensor<4xf64>, tensor<f64>) -> (tensor<4xf64>) : {device = ""}"
_DETAIL = re.compile(r"^\s*(?:tf|tfl)\.(\w+)\(.*\) -> \((?:tensor<)?(?:.*x)?(\w+)?>?.*\)", re.MULTILINE)
_NAMED = (
    re.compile(r"'tf\.(\w+)' op is neither a custom op nor a flex op"),
    re.compile(r"failed to legalize operation 'tf\.(\w+)'"),
    re.compile(r"'tf\.(\w+)' op requires element_shape to be static"),
)
_SHOWN = 3

# What to do about operators, by the first that is found.
_REMEDIES = {
    re.compile(r"Assign|^VarHandleOp$"): "make what the model remembers an input and an output of the function",
    re.compile(r"Table"): "look up before the model, or in a constant (tf.gather) where the keys are integers",
    re.compile(r"TensorList|TensorArray"): "a loop over a sequence needs its sizes: give them with --input, or convert "
    "the Keras model itself, not a SavedModel of it that leaves the batch open",
    re.compile(r"String|Regex|Decode|Parse|SparseCross"): "make numbers of text and images before the model",
    re.compile(r"^(ResizeBicubic|ResizeArea|ScaleAndTranslate)$"): "resize images of a fixed size, or before the model",
    re.compile(r"^Conv3D$"): "give each group of channels a convolution of its own (tf.split, tf.concat)",
    re.compile(r"Bincount"): "tf.reduce_max(tf.one_hot(x, n), -2) has ones at indices, tf.reduce_sum(...) counts them",
    re.compile(r"^(Stateless)?(Random|Truncated|Multinomial|ParameterizedTruncated)"): "make random numbers outside, "
    "and give them to the model",
    re.compile(r"PyFunc"): "write it in TensorFlow's own operators, or compute it outside",
    re.compile(r"^(Fresnel|Bessel|MatrixInverse|Svd|Qr|SelfAdjointEig|Cholesky)"): "compute it outside of the model",
}
_OTHERWISE = "write it in others, or compute it outside: --inputs and --outputs cut a frozen graph"


def explained(error: Exception, concrete: Any) -> UnsupportedError:
    """The error for a function that was refused."""
    text = str(error)
    nodes: dict[str, list[str]] = {}
    for node in all_nodes(concrete.graph.as_graph_def()):
        nodes.setdefault(node.op, []).append(node.name)
    state = {op: "" for op in nodes if "Assign" in op}
    found = state or refused(text)
    if not found:
        return UnsupportedError(f"TensorFlow's converter refuses the model: {_first(text)}")
    listed = "; ".join(f"{op}{kind}{_places(nodes.get(op, []))}" for op, kind in sorted(found.items()))
    what = "the model changes variables while it runs" if state else "no builtin operator of TFLite does what these do"
    return UnsupportedError(f"{what}: {listed}. {_remedy(found)}")


def refused(text: str) -> dict[str, str]:
    """The operators that were refused, with their type where it is not float32."""
    details = {op: f" of {kind}" if kind and kind != "f32" else "" for op, kind in _DETAIL.findall(text)}
    details.pop("Placeholder", None)  # of a resource, which the function keeps
    return details or {op: "" for pattern in _NAMED for op in pattern.findall(text)}


def _remedy(ops: Mapping[str, str]) -> str:
    found = next((remedy for pattern, remedy in _REMEDIES.items() if any(map(pattern.search, ops))), _OTHERWISE)
    return found[0].upper() + found[1:]


def _places(names: list[str]) -> str:
    """Where an operator stands in the graph."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f" ({', '.join(names[:_SHOWN])}{more})" if names else ""


def _first(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = next((line.partition("error:")[2].strip() for line in lines if "error:" in line), "")
    return found or (lines[0] if lines else "it does not say why")
