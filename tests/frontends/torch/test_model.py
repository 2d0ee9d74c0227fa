"""Entry points as runners: names and values of inputs and outputs, whatever the structure and precision."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils import _pytree as pytree

import liteport
from liteport.backends.tflite.writer import to_bytes
from liteport.check.compare import compare
from liteport.check.litert import LiteRT
from liteport.check.samples import Random
from liteport.errors import InputError, UnsupportedError, UsageError
from liteport.frontends.torch.model import Entry, TorchModel

A, B, C = torch.full((2, 3), 1.0), torch.full((2, 3), 2.0), torch.full((3,), 3.0)
RNN = nn.GRU(4, 5, batch_first=True)
Pair = namedtuple("Pair", "first second")


class Keyless(OrderedDict[str, Any]):
    """A result as those of diffusers, whose parts PyTorch knows no names of."""


@dataclass
class Record:
    """A result that PyTorch does not know yet, and another in it."""

    first: Any
    second: Any


class Unknown:
    """A result that nobody can look into."""

    def __init__(self, x: Any) -> None:
        self.x = x


pytree.register_pytree_node(
    Keyless, pytree._dict_flatten, lambda values, keys: Keyless(pytree._dict_unflatten(values, keys))
)


class Call(nn.Module):
    """A function as a module."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)


class Average(nn.Module):
    """A moving average: what it gives depends on the calls before."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.ones(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.mean *= 0.8
        self.mean += 0.2 * x.mean(0)
        return self.mean


class Replaced(Average):
    """The same, by a new tensor in the buffer's place."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.mean = self.mean * 0.8 + 0.2 * x.mean(0)
        return self.mean


class Structured(nn.Module):
    def forward(self, x: Any, batch: Any, flag: bool = True, *, scale: float = 2.0, mask: Any = None) -> Any:
        y = x * scale + batch["b"] - batch["a"][0]
        if mask is not None:
            y = torch.where(mask, y, x)
        return {"y": y, "none": None, "more": (y * 2, 5, [x - 1] if flag else [])}


# name, args, kwargs, the inputs' names, the outputs' names
STRUCTURES = [
    (
        "nested",
        (A, {"b": B, "a": [C]}),
        {},
        ["x", "batch_b", "batch_a_0"],
        ["y", "more_0", "more_1", "more_2_0"],
    ),
    (
        "keywords",
        (A,),
        {"batch": {"a": [C], "b": B}, "mask": A > 0, "scale": 3.0},
        ["x", "batch_a_0", "batch_b", "mask"],
        ["y", "more_0", "more_1", "more_2_0"],
    ),
    (
        "keywords in another order, constants between",
        (A,),
        {"mask": None, "batch": {"b": B, "a": (C,)}, "flag": False},
        ["x", "batch_b", "batch_a_0"],
        ["y", "more_0", "more_1"],
    ),
]


@pytest.mark.parametrize(
    ("args", "kwargs", "inputs", "outputs"), [s[1:] for s in STRUCTURES], ids=[s[0] for s in STRUCTURES]
)
def test_structures(args: Any, kwargs: Any, inputs: list[str], outputs: list[str]) -> None:
    model = TorchModel({"main": Entry(Structured(), args, kwargs)})
    example = model.example("main")
    assert list(example) == inputs
    assert list(model.run(example, "main")) == outputs
    ir = model.to_ir()
    assert (ir.graphs[0].input_names, ir.graphs[0].output_names) == (inputs, outputs)
    assert compare(model, LiteRT(to_bytes(ir)), Random(3)).passed


# name, function, the names of its outputs
RESULTS = [
    ("one tensor", lambda x: x + 1, ["output"]),
    ("a tuple", lambda x: (x + 1, x + 2), ["output_0", "output_1"]),
    ("a tuple with None", lambda x: (None, x + 2), ["output_1"]),
    ("a dict", lambda x: {"b": x + 1, "a": x + 2}, ["b", "a"]),
    ("a named tuple", lambda x: Pair(x + 1, x + 2), ["first", "second"]),
    ("nested", lambda x: [{"a": x + 1}, (x + 2,)], ["output_0_a", "output_1_0"]),
    ("a type without keys", lambda x: Keyless(sample=x + 1, more=(x + 2,)), ["sample", "more_0"]),
    ("a dataclass", lambda x: Record(x + 1, Record(x - 1, 3)), ["first", "second_first", "second_second"]),
    ("one in a tuple", lambda x: (x - 1, Keyless(sample=x + 1)), ["output_0", "output_1_sample"]),
]


@pytest.mark.parametrize(("function", "names"), [r[1:] for r in RESULTS], ids=[r[0] for r in RESULTS])
def test_results(function: Any, names: list[str]) -> None:
    model = TorchModel({"main": Entry(Call(function), (A,))})
    assert list(model.run(model.example("main"), "main")) == names
    assert model.to_ir().graphs[0].output_names == names


def test_a_result_of_an_unknown_class() -> None:
    with pytest.raises(UnsupportedError, match="Return tensors, in tuples, lists, dicts or dataclasses"):
        liteport.convert(Call(Unknown), (A,))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 1000)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x)

    def head(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.inner(x)) * 2


def test_methods_share_weights() -> None:
    torch.manual_seed(0)
    net = Net()
    model = TorchModel({"all": Entry(net, (A,)), "head": Entry(net.head, (C,))})
    ir = model.to_ir()
    assert list(model.signatures) == ["all", "head"]
    assert compare(model, LiteRT(to_bytes(ir)), Random(3)).passed
    once = TorchModel({"all": Entry(net, (A,))}).to_ir()
    assert len(to_bytes(ir)) < 1.5 * len(to_bytes(once))


def test_what_is_no_method_of_a_module() -> None:
    with pytest.raises(UsageError, match=r"neither an nn\.Module nor a method of one"):
        TorchModel({"main": Entry(lambda x: x, (A,))}).export()


def test_half_precision_is_compared_in_float32() -> None:
    def mixed(x: torch.Tensor) -> torch.Tensor:
        return (x.half() * 1.001 + torch.ones(3, dtype=torch.bfloat16)).float() / 3

    model = TorchModel({"main": Entry(Call(mixed), (A,))})
    x = {"args_0": np.full((2, 3), 0.12345678, np.float32)}
    assert list(model.example("main")) == list(x)
    exact = (np.float32(0.12345678) * np.float32(1.001) + 1) / 3
    np.testing.assert_allclose(model.run(x, "main")["output"], exact, rtol=2e-7)
    assert compare(model, LiteRT(to_bytes(model.to_ir())), Random(3)).passed


def test_in_double_everything_is_computed_in_float64() -> None:
    def mixed(x: torch.Tensor) -> dict[str, torch.Tensor]:
        y = torch.zeros(2, 3) + x.float() / 3 + torch.full((3,), 0.1, dtype=torch.float32)
        return {"y": y, "index": y.argmax()}

    model = TorchModel({"main": Entry(Call(mixed), (A,))})
    results = model.run_in_double({"args_0": np.full((2, 3), 0.1, np.float32)}, "main")
    assert results is not None
    np.testing.assert_allclose(results["y"], np.float64(np.float32(0.1)) / 3 + 0.1, rtol=1e-15)
    assert results["index"] == 0
    assert torch.get_default_dtype() == torch.float32


def test_a_network_that_cannot_be_computed_in_double() -> None:
    def stubborn(x: torch.Tensor) -> torch.Tensor:
        if x.dtype is torch.float64:
            raise TypeError("float32 only")
        return x + 1

    model = TorchModel({"main": Entry(Call(stubborn), (A,))})
    assert model.run_in_double({"args_0": np.ones((2, 3), np.float32)}, "main") is None


def test_exported_half_program() -> None:
    torch.manual_seed(0)
    program = torch.export.export(Net().half().eval(), (A.half(),), strict=False)
    model = TorchModel.from_program(program, "main")
    assert model.example("main")["x"].dtype == np.float32
    assert compare(model, LiteRT(to_bytes(model.to_ir())), Random(3)).passed


def test_a_program_without_example_inputs() -> None:
    program = torch.export.export(Net().eval(), (A,), strict=False)
    program._example_inputs = None
    with pytest.raises(UsageError, match="keeps no example inputs"):
        TorchModel.from_program(program, "main")


def test_the_network_cannot_change_what_it_is_fed() -> None:
    model = TorchModel({"main": Entry(Call(lambda x: x.clone().mul_(2)), (A,))})
    inputs = model.example("main")
    model.run(inputs, "main")
    np.testing.assert_array_equal(inputs["args_0"], A.numpy())


def test_inputs_that_the_network_does_not_take() -> None:
    ids = torch.tensor([1, 7])
    model = TorchModel({"main": Entry(nn.Embedding(8, 3), (ids,))})
    with pytest.raises(InputError, match=r"fails on inputs of int64\[2\] \(IndexError: .*0\.\.999"):
        model.run({"input": np.array([8, 0])}, "main")


def test_a_network_that_fails_by_itself_is_told_from_one_that_cannot_be_exported() -> None:
    with pytest.raises(InputError, match=r"itself fails on inputs of float32\[3\] \(RuntimeError: mat1"):
        TorchModel(
            {"main": Entry(nn.Sequential(nn.Flatten(0), nn.Unflatten(0, (1, 3)), nn.Linear(5, 1)), (C,))}
        ).export()
    with pytest.raises(UnsupportedError, match=r"cannot follow .*\) at test_model\.py:\d+ \(TorchModel.*torch\.cond"):
        TorchModel({"main": Entry(Call(lambda x: x if x.sum() > 0 else -x), (C,))}).export()


def test_what_pytorch_quantised_is_named_as_such() -> None:
    module = Call(lambda x: torch.quantize_per_tensor(x, 0.1, 0, torch.qint32).dequantize())
    with pytest.raises(UnsupportedError, match=r"of qint32: .*\. It was quantised by PyTorch: .*quantise it here"):
        TorchModel({"main": Entry(module, (A,))}).export()


def packed(x: torch.Tensor) -> torch.Tensor:
    return RNN(nn.utils.rnn.pack_sequence([x[0], x[1, :2]]))[1]


@pytest.mark.parametrize(
    ("call", "dynamic", "why"),
    [
        (packed, None, "make it by pack_padded_sequence"),
        (lambda x: nn.functional.max_pool1d(x, 2), "args_0:2=s:2..9", r"dynamic but .* to be a constant \(4\)\. Leave"),
    ],
)
def test_the_remedy_fits_what_cannot_be_exported(call: Any, dynamic: Any, why: str) -> None:
    with pytest.raises(UnsupportedError, match=why):
        liteport.convert(Call(call).eval(), (torch.randn(2, 3, 4),), dynamic=dynamic)


def test_a_constant_that_the_forward_writes_into_starts_anew_at_every_run() -> None:
    table = torch.ones(2, 3)

    class Net(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            table[0].copy_(x)
            return table + 1, table.view(3, 2)

    model = liteport.convert(Net(), (torch.zeros(3),))
    for fill in (5.0, 7.0):
        got = model(torch.full((3,), fill))
        np.testing.assert_array_equal(got[0], [[fill + 1] * 3, [2.0] * 3])
        np.testing.assert_array_equal(got[1].reshape(2, 3), [[fill] * 3, [1.0] * 3])


@pytest.mark.parametrize("module", [Average(), Replaced(), nn.Sequential(nn.Identity(), Average())])
def test_buffers_that_the_forward_writes_are_told_and_left_as_they_were(module: nn.Module) -> None:
    model = liteport.convert(module, (A,))
    assert model.verify(3).passed
    assert any("the forward writes into" in note and "mean: every call" in note for note in model.notes)
    assert torch.equal(next(module.buffers()), torch.ones(3))
