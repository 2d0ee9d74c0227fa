"""The least time that a network can take on this machine: python -m benchmarks.floor (options: --help).

The multiplications of linear layers and convolutions are counted in the file, and the numbers of which an exponential
is taken (softmax, GELU, sigmoid and others), and divided by the highest rates at which LiteRT's kernels are seen to run
here, on one thread. No form with the same products takes less; everything else that a file does comes on top. Beside it
stand what the same kernels take as they run in our file (as liteport profile has it), the times of our files and of the
fastest peer's, which are those that benchmarks.latency left in OUT, and its bars: where the least is more than a bar
allows, no other form of these products meets it on this machine, and where the kernels' own time is, nothing that is
saved between them does. All times are processor time, medians. Of other FILEs only the least is told.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from math import prod
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import liteport
from benchmarks import table
from benchmarks.bars import US
from benchmarks.converters import ROOT
from benchmarks.latency import EACH, NO_SLOWER, WAYS
from liteport.backends.tflite.writer import to_bytes
from liteport.check.profile import Profile
from liteport.check.timing import race
from liteport.frontends.tflite.reader import read
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module, Op, Value
from liteport.ir.ops.base import Operator, Padding
from liteport.ir.sizes import example
from liteport.ir.types import DType, TensorType
from liteport.tune import runner

HEADER = [
    "",
    "products, 10^9",
    "exponentials, 10^6",
    "least, ms",
    "kernels, ms",
    "ours, ms",
    "best peer, ms",
    "least / peer",
    "kernels / peer",
    "ours / peer",
    "the bar",
    "",
]

# Where benchmarks.latency leaves the files of each converter.
FILES = {" ".join([US, *options]): "{0}.tflite" for options in WAYS.values()}
PEERS = {"litert-torch": "{0}.tflite", "onnx2tf": "{0}/{0}_float32.tflite"}

# Shapes on which the kernels run fastest, from such as stay in the nearest cache to whole layers of transformers.
LAYERS = ((96, 1024, 64), (48, 512, 128), (64, 256, 256), (128, 256, 512), (196, 512, 512), (784, 192, 768))
MAPS = ((14, 128, 5), (14, 64, 5), (14, 128, 3), (28, 32, 5), (32, 768, 5))
NUMBERS = (4096, 16384, 65536)


@dataclass(frozen=True)
class Work:
    """What one run computes: multiplications in linear layers and convolutions, and in convolutions of single channels;
    exponentials."""

    linear: int
    depthwise: int = 0
    exponentials: int = 0


@dataclass(frozen=True)
class Rates:
    """How many of each kind there are in a millisecond."""

    linear: float
    depthwise: float
    exponentials: float

    def best(self, other: Rates) -> Rates:
        """The higher of each kind."""
        return Rates(*map(max, zip(astuple(self), astuple(other), strict=True)))

    def least(self, work: Work) -> float:
        """Milliseconds that it takes at least."""
        return sum(count / rate for count, rate in zip(astuple(work), astuple(self), strict=True))


def _by_result(inputs: Callable[[Op], Sequence[Any]]) -> Callable[[Op], Any]:
    """So many products for each number of the result."""
    return lambda op: prod(op.output.shape) * prod(inputs(op))


def _summed(op: Op) -> Any:
    """How many products of two matrices are summed up."""
    operator: Any = op.operator
    return op.input.shape[-2 if operator.adj_x else -1]


LINEAR: Mapping[type[Operator], Callable[[Op], Any]] = {
    ops.FullyConnected: _by_result(lambda op: op.operand(1).shape[1:]),
    ops.Conv2D: _by_result(lambda op: op.operand(1).shape[1:]),
    ops.Conv3D: _by_result(lambda op: op.operand(1).shape[:4]),
    ops.TransposeConv: lambda op: prod(op.operand(2).shape) * prod(op.operand(1).shape[:3]),
    ops.BatchMatmul: _by_result(lambda op: [_summed(op)]),
}
DEPTHWISE: Mapping[type[Operator], Callable[[Op], Any]] = {
    ops.DepthwiseConv2D: _by_result(lambda op: op.operand(1).shape[1:3]),
}
EXPONENTIALS: Mapping[type[Operator], Callable[[Op], Any]] = dict.fromkeys(
    (ops.Softmax, ops.LogSoftmax, ops.Gelu, ops.Logistic, ops.Tanh, ops.Exp, ops.Elu), _by_result(lambda op: ())
)


@dataclass(frozen=True)
class Floor:
    """What a file computes, the milliseconds that it takes at least, and the share of a run that its kernels take."""

    work: Work
    least: float
    share: float


def share(found: Profile) -> float:
    """How much of a run goes into what is counted."""
    names = {kind.name for kinds in (LINEAR, DEPTHWISE, EXPONENTIALS) for kind in kinds}
    return sum(each.seconds for each in found.operators if each.operator in names) / found.seconds


def count(module: Module) -> Work:
    """What all graphs compute, a loop's body as if it ran once; what the border of a map adds are zeros that the
    kernels multiply too."""
    every = [op for graph in module.graphs for op in graph.ops]
    kinds = (LINEAR, DEPTHWISE, EXPONENTIALS)
    return Work(
        *(sum(example(kind[type(op.operator)](op)) for op in every if type(op.operator) in kind) for kind in kinds)
    )


def measure(seconds: float = 0.3) -> Rates:
    """The highest rates of LAYERS, MAPS and NUMBERS, each timed for so many seconds."""
    layers, maps = ([make(*shape) for shape in shapes] for make, shapes in ((_layer, LAYERS), (_map, MAPS)))
    curves = [_curve(operator, n) for operator in (ops.Exp(), ops.Tanh(), ops.Logistic()) for n in NUMBERS]
    return Rates(*(max(_rate(graph, seconds) for graph in graphs) for graphs in (layers, maps, curves)))


def _rate(graph: Graph, seconds: float) -> float:
    module = Module([graph])
    x = np.random.default_rng(0).standard_normal(graph.inputs[0].shape).astype(np.float32)
    times = race({"": to_bytes(module)}, [x], seconds=seconds)[""]
    return sum(astuple(count(module))) / median(times)


def _layer(places: int, channels: int, results: int) -> Graph:
    return _graph(ops.FullyConnected(keep_num_dims=True), (places, channels), (results, channels))


def _curve(operator: Operator, numbers: int) -> Graph:
    return _graph(operator, (1, numbers))


def _map(size: int, channels: int, kernel: int) -> Graph:
    return _graph(ops.DepthwiseConv2D(Padding.SAME), (1, size, size, channels), (1, kernel, kernel, channels))


def _graph(operator: Operator, shape: tuple[int, ...], weights: tuple[int, ...] = ()) -> Graph:
    graph = Graph(signature="main")
    b = Builder(graph)
    x: Value = b.input(TensorType(DType.FLOAT32, shape), "x")
    results = weights[0] if isinstance(operator, ops.FullyConnected) else weights[-1:]
    numbers = [np.random.default_rng(1).standard_normal(n).astype(np.float32) for n in (weights, results) if weights]
    graph.outputs, graph.output_names = [b.emit(operator, x, *map(b.const, numbers))], ["y"]
    return graph


def times(network: str, out: Path, seconds: float) -> Mapping[str, float]:
    """Milliseconds of each converter's file of the network, measured in turns for so many seconds."""
    files = {name: out / name / pattern.format(network) for name, pattern in {**FILES, **PEERS}.items()}
    found = runner.measure({name: str(file) for name, file in files.items() if file.is_file()}, seconds=seconds)
    return {name: typical for name, (typical, _) in found.items()}


def rows(network: str, taken: Mapping[str, float], floors: Mapping[str, Floor]) -> Iterator[list[str]]:
    """A row for each of our files that has a bar. `taken` is the time of each converter's file, `floors` what is in
    each of ours; none where no peer has a file."""
    peers = [ms for name, ms in taken.items() if name in PEERS]
    bars = zip(WAYS.items(), EACH.get(network, (NO_SLOWER, None, None)), strict=True)
    for (way, options), bar in bars if peers else ():
        name = " ".join([US, *options])
        if bar is not None and name in taken:
            label = network if way == "default" else f"{network} {way}"
            yield _row(label, floors[name], taken[name], min(peers), bar)


def _row(label: str, floor: Floor, ours: float, peer: float, bar: float) -> list[str]:
    parts = (floor.least, floor.share * ours, ours)
    milliseconds = [f"{ms:.3g}" if ms < 100 else f"{ms:.0f}" for ms in (*parts, peer)]
    shares = [part / peer for part in parts]
    told = next((word for word, each in zip(_BEYOND, shares, strict=False) if each > bar), "")
    return [label, *_counted(floor.work), *milliseconds, *(f"{n:.2f}" for n in (*shares, bar)), told]


_BEYOND = ("out of reach", "nothing left but these kernels")


def _counted(work: Work) -> list[str]:
    apart = f" + {work.depthwise / 1e9:.3g} depthwise" if work.depthwise else ""
    return [f"{work.linear / 1e9:.3g}{apart}", f"{work.exponentials / 1e6:.3g}"]


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help=".tflite files, in place of networks")
    parser.add_argument("--networks", nargs="+", choices=list(EACH), default=list(EACH), metavar="NETWORK")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "benchmarks", help="folder that has the files")
    parser.add_argument("--seconds", type=float, default=20.0, help="of timing for each network (20)")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    return parser.parse_args(arguments)


def compare(network: str, out: Path, seconds: float) -> Iterator[list[str]]:
    """The rows of one network. The rates are measured before its files and behind them, and the higher ones count: what
    the machine is able to may change from minute to minute."""
    before = measure()
    taken = times(network, out, seconds)
    rates = before.best(measure())
    print(f"{network}: {_told(rates)}", file=sys.stderr, flush=True)
    files = {name: out / name / FILES[name].format(network) for name in taken if name in FILES}
    return rows(network, taken, {name: _floor(file, rates) for name, file in files.items()})


def _floor(file: Path, rates: Rates) -> Floor:
    work = count(read(file))
    return Floor(work, rates.least(work), share(liteport.profile(file)))


def _told(rates: Rates) -> str:
    products = f"{rates.linear / 1e6:.1f} products a nanosecond, {rates.depthwise / 1e6:.1f} depthwise"
    return f"{products}, {rates.exponentials / 1e6:.1f} exponentials"


def main() -> None:
    chosen = options()
    if chosen.files:
        rates = measure()
        print(_told(rates), file=sys.stderr)
        for file in chosen.files:
            work = count(read(file))
            products, exponentials = _counted(work)
            least = f"at least {rates.least(work):.3g} ms"
            print(f"{file}: {products} x 10^9 products, {exponentials} x 10^6 exponentials, {least}")
        return
    found = [HEADER]
    for network in chosen.networks:
        found += compare(network, chosen.out, chosen.seconds)
    print(table.markdown(found) if chosen.markdown else table.plain(found))


if __name__ == "__main__":
    main()
