"""Writes a Module as a SavedModel: a folder with a signature for each entry point, which share their variables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf

from liteport.backends.tensorflow.border import argument_names, spec
from liteport.backends.tensorflow.context import Tensor
from liteport.backends.tensorflow.walk import Walk
from liteport.backends.tensorflow.weights import Variables
from liteport.ir.graph import Graph, Module


def build(module: Module) -> tuple[Any, dict[str, Any]]:
    """The tf.Module that holds the variables, and the signatures' functions. `weights` are its variables by name.

    Raises UnsupportedError for operators that TensorFlow has no operation for.
    """
    variables = Variables()
    walk = Walk(module, variables)
    functions = {str(graph.signature): _function(walk, graph) for graph in module.signatures}
    holder = tf.Module()
    holder.weights = variables.by_name
    holder.states = variables.states
    return holder, functions


def save(module: Module, path: str | Path) -> None:
    """Writes the folder `path`. Raises UnsupportedError for operators that TensorFlow has no operation for."""
    holder, functions = build(module)
    tf.saved_model.save(holder, str(path), signatures=functions)


def _function(walk: Walk, graph: Graph) -> Any:
    """The signature as a function of named tensors, which gives named tensors."""
    names = argument_names(graph.input_names)
    outputs = argument_names(graph.output_names)

    def call(**inputs: Tensor) -> dict[str, Tensor]:
        results = walk.write(graph, [inputs[name] for name in names])
        return {name: tf.identity(tensor, name) for name, tensor in zip(outputs, results, strict=True)}

    specs = {name: spec(value, name) for name, value in zip(names, graph.inputs, strict=True)}
    return tf.function(call, autograph=False).get_concrete_function(**specs)
