"""One entry point of a TensorFlow model: a concrete function whose inputs and outputs have names and an order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from liteport.errors import LiteportError, UnsupportedError
from liteport.formats.tensorflow.runtime import quietly, tensorflow
from liteport.formats.tensorflow.state import without_idle_state

Body = Callable[[Sequence[Any]], Sequence[Any]]

DEFAULT = "serving_default"
"""The signature's name where there is only one entry point."""


@dataclass(frozen=True)
class Function:
    """`call` takes and returns tensors in the flat order of `concrete`, in which `inputs` and `outputs` give each its
    place, by name, in the source's own order.

    `specs` are the types of the inputs by name. `traced` is what `concrete` was traced from, where that is known: it
    can be traced for other shapes. `owner` has the variables, which a function alone does not keep.
    """

    concrete: Any
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]
    specs: Mapping[str, Any]
    call: Body
    traced: Body | None = None
    owner: Any = None

    @property
    def body(self) -> Body:
        """What to trace for other shapes."""
        return self.traced or self.call

    def bound(self, constants: Mapping[str, Any]) -> Function:
        """The function with constants in the place of these inputs."""
        if not constants:
            return self
        tf = tensorflow()
        fixed = {self.inputs[name]: tf.constant(value, self.specs[name].dtype) for name, value in constants.items()}
        left = sorted(place for place in self.inputs.values() if place not in fixed)
        inputs = {name: left.index(place) for name, place in self.inputs.items() if place in left}

        def filled(body: Body) -> Body:
            def call(tensors: Sequence[Any]) -> Sequence[Any]:
                given = dict(zip(left, tensors, strict=True)) | fixed
                return body([given[place] for place in sorted(given)])

            return call

        specs = {name: self.specs[name] for name in inputs}
        traced = self.traced and filled(self.traced)
        return replace(self, inputs=inputs, specs=specs, call=filled(self.call), traced=traced)


def from_concrete(concrete: Any) -> Function:
    """A function with the names that its arguments and the structure of its result give it.

    Tensors of a nested argument have the names of the keys that lead to them; a lone result is "output", those of a
    tuple are output_0, output_1 ... Raises UnsupportedError for arguments or results that are no tensors.
    """
    tf = tensorflow()
    given = concrete.structured_input_signature
    flat = [leaf for leaf in tf.nest.flatten(given) if isinstance(leaf, tf.TypeSpec)]
    results = [leaf for leaf in tf.nest.flatten(concrete.structured_outputs) if leaf is not None]
    names = {id(leaf): name for name, leaf in _arguments(concrete, given) if isinstance(leaf, tf.TypeSpec)}
    _plain([*flat, *results])
    inputs = {name: _place(flat, key) for key, name in names.items()}

    def call(tensors: Sequence[Any]) -> Sequence[Any]:
        given_tensors = iter(tensors)
        leaves = [next(given_tensors) if isinstance(leaf, tf.TypeSpec) else leaf for leaf in tf.nest.flatten(given)]
        args, kwargs = tf.nest.pack_sequence_as(given, leaves)
        return [leaf for leaf in tf.nest.flatten(concrete(*args, **kwargs)) if leaf is not None]

    found = [(path, leaf) for path, leaf in _leaves(concrete.structured_outputs, ()) if leaf is not None]
    outputs = {_output_name(path): _place(results, id(leaf)) for path, leaf in found}
    return Function(concrete, inputs, outputs, {name: flat[place] for name, place in inputs.items()}, call)


def from_graph(graph_def: Any, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> Function:
    """A function that a frozen graph computes, between the tensors ("name:0") that have these names.

    Raises KeyError and ValueError, as TensorFlow does, for tensors that are not there.
    """
    tf = tensorflow()
    wrapped = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(graph_def, name=""), [])
    graph = wrapped.graph
    fed = [graph.as_graph_element(name) for name in inputs.values()]
    fetched = [graph.as_graph_element(name) for name in outputs.values()]
    pruned = wrapped.prune(fed, fetched)
    specs = {name: tf.TensorSpec(tensor.shape, tensor.dtype) for name, tensor in zip(inputs, fed, strict=True)}
    places = {name: place for place, name in enumerate(inputs)}, {name: place for place, name in enumerate(outputs)}
    return Function(pruned, *places, specs, lambda tensors: pruned(*tensors))


def traced(function: Function, specs: Sequence[Any]) -> Any:
    """The function as a concrete one of its inputs in order, with these types, that returns its outputs in order.

    Raises LiteportError where it does not take them.
    """
    tf = tensorflow()
    places = list(function.inputs.values())

    def call(*tensors: Any) -> list[Any]:
        given = [tensor for _, tensor in sorted(zip(places, tensors, strict=True), key=lambda pair: pair[0])]
        results = function.body(given)
        return [tf.identity(results[place]) for place in function.outputs.values()]

    try:
        with quietly():
            return without_idle_state(tf.function(call, autograph=False).get_concrete_function(*specs))
    except Exception as error:  # as above
        first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        shapes = ", ".join(f"{name} {spec.shape}" for name, spec in zip(function.inputs, specs, strict=True))
        raise LiteportError(f"the model does not take inputs of these shapes ({shapes}): {first}") from error


def _arguments(concrete: Any, given: tuple[Any, Any]) -> Iterator[tuple[str, Any]]:
    """The leaves of the arguments with their names, in the order of the call."""
    args, kwargs = given
    parameters = list(concrete.function_type.parameters)
    for number, arg in enumerate(args):
        # A lone tensor may have a name of its own, which a signature was written with.
        name = getattr(arg, "name", None) or (parameters[number] if number < len(parameters) else f"arg_{number}")
        yield from ((_joined(path), leaf) for path, leaf in _leaves(arg, (name,)))
    yield from ((_joined(path), leaf) for path, leaf in _leaves(kwargs, ()))


def _leaves(structure: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The leaves of nested dicts, tuples and lists, in their own order, with the keys that lead to them."""
    if isinstance(structure, Mapping):
        for key, item in structure.items():
            yield from _leaves(item, (*path, str(key)))
    elif isinstance(structure, list | tuple):
        keys = getattr(structure, "_fields", range(len(structure)))
        for key, item in zip(keys, structure, strict=True):
            yield from _leaves(item, (*path, str(key)))
    else:
        yield path, structure


def _joined(path: tuple[str, ...]) -> str:
    return "_".join(path)


def _output_name(path: tuple[str, ...]) -> str:
    name = _joined(path) or "output"
    return f"output_{name}" if name[:1].isdigit() else name


def _place(leaves: Sequence[Any], key: int) -> int:
    return next(place for place, leaf in enumerate(leaves) if id(leaf) == key)


def _plain(leaves: Sequence[Any]) -> None:
    """Raises UnsupportedError for what is no dense tensor."""
    for leaf in leaves:
        if not hasattr(leaf, "shape") or "Sparse" in type(leaf).__name__ or "Ragged" in type(leaf).__name__:
            raise UnsupportedError(
                f"an input or output is a {type(leaf).__name__}: give the function plain tensors, and make it inside"
            )
