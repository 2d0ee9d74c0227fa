"""Running models of TensorFlow: SavedModels, frozen graphs, Keras models and concrete functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from liteport.check.samples import least_example
from liteport.errors import LiteportError
from liteport.formats.tensorflow.frozen import Names, open_graph
from liteport.formats.tensorflow.function import DEFAULT, Function, from_concrete
from liteport.formats.tensorflow.keras_model import open_keras
from liteport.formats.tensorflow.runtime import quietly, tensorflow
from liteport.formats.tensorflow.saved_model import open_saved_model
from liteport.formats.tensorflow.session import FrozenFunction, frozen
from liteport.ir.types import Array, Shape


class TensorFlow:
    """Functions by signature, run on the CPU as TensorFlow runs them.

    `examples` are inputs by signature and name, where zeros of the function's own shapes (1 for an open size) will not
    do; `trials` are shapes by signature to compare at, where there are several.
    """

    def __init__(
        self,
        functions: Mapping[str, Function],
        examples: Mapping[str, Mapping[str, Array]] | None = None,
        trials: Mapping[str, Sequence[Mapping[str, Shape]]] | None = None,
    ) -> None:
        self.signatures: Mapping[str, Function] = dict(functions)
        self._examples = dict(examples or {})
        self._trials = dict(trials or {})
        self._graphs: dict[str, FrozenFunction] = {}
        self._doubles: dict[str, FrozenFunction] = {}
        # Signatures that kernels of the CPU refuse as they are.
        self._channels_first: set[str] = set()

    def example(self, signature: str) -> dict[str, Array]:
        """Inputs of the right types, in order: zeros, and for integers the range that is always valid."""
        given = self._examples.get(signature, {})
        specs = self.signatures[signature].specs
        return {name: given[name] if name in given else _example(name, spec) for name, spec in specs.items()}

    def shapes(self, signature: str) -> dict[str, Shape]:
        """The inputs' shapes, in order, -1 where the function leaves a size open."""
        example = self.example(signature)
        specs = self.signatures[signature].specs
        return {name: _shape(spec, example[name].ndim) for name, spec in specs.items()}

    def trials(self, signature: str) -> Sequence[Mapping[str, Shape]]:
        """The example's shapes, unless others were given."""
        if signature in self._trials:
            return self._trials[signature]
        return [{name: array.shape for name, array in self.example(signature).items()}]

    def run(self, inputs: Mapping[str, Array], signature: str | None = None) -> dict[str, Array]:
        """The outputs by name for named inputs. Raises LiteportError where TensorFlow fails on them."""
        name = signature if signature is not None else next(iter(self.signatures))
        function = self.signatures[name]
        tf = tensorflow()
        places = sorted(function.inputs, key=lambda name: function.inputs[name])
        try:
            if name in self._channels_first:
                return self._in_session(self._frozen(name), inputs, name)
            with quietly(), tf.device("/CPU:0"):
                results = function.call([tf.constant(inputs[n], function.specs[n].dtype) for n in places])
        except Exception as error:  # what TensorFlow raises has no common base
            if name not in self._channels_first and "NHWC" in str(error):
                self._channels_first.add(name)
                return self.run(inputs, name)
            raise LiteportError(f"TensorFlow cannot run the model: {_reason(error)}") from error
        return {output: np.asarray(results[place]) for output, place in function.outputs.items()}

    def run_in_double(self, inputs: Mapping[str, Array], signature: str) -> dict[str, Array] | None:
        """The outputs as they are in float64; None where TensorFlow has no kernel of that type for the model."""
        try:
            if signature not in self._doubles:
                self._doubles[signature] = self._frozen(signature).in_double()
            return self._in_session(self._doubles[signature], inputs, signature)
        except (ValueError, tensorflow().errors.OpError):  # of freezing it, of the graph's import, and of its run
            return None

    def _frozen(self, signature: str) -> FrozenFunction:
        if signature not in self._graphs:
            self._graphs[signature] = frozen(self.signatures[signature])
        return self._graphs[signature]

    def _in_session(self, graph: FrozenFunction, inputs: Mapping[str, Array], signature: str) -> dict[str, Array]:
        function = self.signatures[signature]
        return dict(zip(function.outputs, graph.run([inputs[name] for name in function.inputs]), strict=True))


class SavedModel(TensorFlow):
    """The signatures of a SavedModel folder. Raises what open_saved_model() does."""

    def __init__(self, folder: str | Path) -> None:
        super().__init__(open_saved_model(folder))


class FrozenGraph(TensorFlow):
    """A frozen graph between the inputs and outputs that are named, here or in NAME.pb.json, or evident."""

    def __init__(self, path: str | Path, inputs: Names | None = None, outputs: Names | None = None) -> None:
        super().__init__(open_graph(path, inputs, outputs))


class KerasModel(TensorFlow):
    """A Keras model, or one in a .keras or .h5 file, in inference."""

    def __init__(self, model: Any) -> None:
        super().__init__(open_keras(model))


class ConcreteFunction(TensorFlow):
    """A concrete function: tf.function(f).get_concrete_function(...)."""

    def __init__(self, concrete: Any) -> None:
        super().__init__({DEFAULT: from_concrete(concrete)})


def _example(name: str, spec: Any) -> Array:
    dtype = np.dtype(spec.dtype.as_numpy_dtype)
    if dtype.kind not in "fiubc":
        raise LiteportError(f"input {name} holds {spec.dtype.name}: there are no samples to make of it")
    if spec.shape.rank is None:
        raise LiteportError(f"the shape of input {name} is not known: give an example of it")
    return least_example(tuple(d or 1 for d in spec.shape.as_list()), dtype, whole=dtype.itemsize == 1)


def _shape(spec: Any, rank: int) -> Shape:
    return (-1,) * rank if spec.shape.rank is None else tuple(-1 if d is None else d for d in spec.shape.as_list())


def _reason(error: Exception) -> str:
    """The sentence in TensorFlow's message, without the traces around it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.strip().startswith("[[")]
    if not lines:
        return type(error).__name__
    return lines[-1] if lines[0].startswith("Graph execution error") else lines[0]
