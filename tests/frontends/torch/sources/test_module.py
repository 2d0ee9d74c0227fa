"""An nn.Module in Python: made ready, and the caller's own left as it was."""

from __future__ import annotations

import functools
import threading

import numpy as np
import pytest
import torch
from torch import nn

from liteport.errors import InputError, UsageError
from liteport.frontends.torch.sources import load
from tests.frontends.torch.sources.support import error_of, image, net, same_outputs


def test_a_ready_module_is_returned_itself() -> None:
    module = net().eval()
    loaded = load(module)
    assert loaded.module is module
    assert loaded.program is None
    assert loaded.notes == ()
    assert loaded.root == "Net"


def test_training_mode_is_switched_off_in_a_twin_that_shares_every_tensor() -> None:
    module = net()
    loaded = load(module)
    assert loaded.notes == ("training mode was switched off",)
    assert module.training
    assert module.norm.training
    assert not any(part.training for part in loaded.module.modules())
    mine, theirs = loaded.module.state_dict(keep_vars=True), module.state_dict(keep_vars=True)
    assert all(mine[name] is theirs[name] for name in theirs)
    assert same_outputs(loaded.module, module)


def test_one_part_in_training_mode_is_enough() -> None:
    module = net().eval()
    module.norm.train()
    assert load(module).notes == ("training mode was switched off",)
    assert module.norm.training


@pytest.mark.parametrize(
    ("dtype", "note"),
    [
        (torch.float16, "float16 weights were widened to float32"),
        (torch.bfloat16, "bfloat16 weights were widened to float32"),
        (torch.float64, "float64 weights were narrowed to float32"),
    ],
)
def test_other_float_types_become_float32_in_a_twin(dtype: torch.dtype, note: str) -> None:
    module = net().eval().to(dtype)
    loaded = load(module)
    assert loaded.notes == (note,)
    assert {t.dtype for t in loaded.module.state_dict().values()} == {torch.float32, torch.int64}
    assert module.conv.weight.dtype == dtype
    assert torch.equal(loaded.module.conv.weight, module.conv.weight.float())
    assert loaded.module.norm.num_batches_tracked is module.norm.num_batches_tracked
    assert loaded.module(image()).dtype == torch.float32


def test_tensors_in_plain_attributes_and_lists_follow() -> None:
    module = net().eval().half()
    module.scale = torch.ones(3, dtype=torch.float16)
    module.anchors = {"small": [torch.ones(2, dtype=torch.float16)], "array": np.ones(3)}
    twin = load(module).module
    assert twin.scale.dtype == torch.float32
    assert twin.anchors["small"][0].dtype == torch.float32
    assert twin.anchors["array"] is module.anchors["array"]
    assert module.anchors["small"][0].dtype == torch.float16


def test_containers_that_hold_themselves() -> None:
    module = net().half()
    module.config = {"parts": [torch.ones(2).half()]}
    module.config["self"] = module.config
    twin = load(module).module
    assert twin.config["self"] is twin.config
    assert twin.config["parts"][0].dtype == torch.float32


def test_tied_weights_stay_tied() -> None:
    module = nn.ModuleDict({"a": nn.Linear(3, 3), "b": nn.Linear(3, 3)}).half()
    module["b"].weight = module["a"].weight
    twin = load(module).module
    assert twin["a"].weight is twin["b"].weight


def test_recurrent_layers_work_after_widening() -> None:
    module = nn.LSTM(3, 4).eval()
    twin = load(nn.LSTM(3, 4).eval().half()).module
    twin.load_state_dict(module.state_dict())
    x = torch.randn(5, 1, 3)
    assert torch.equal(twin(x)[0], module(x)[0])


@pytest.mark.parametrize(
    ("wrap", "kind"),
    [
        (nn.DataParallel, "DataParallel"),
        (torch.optim.swa_utils.AveragedModel, "AveragedModel"),
        (torch.compile, "OptimizedModule"),
    ],
)
def test_wrappers_are_taken_off(wrap: object, kind: str) -> None:
    module = net().eval()
    loaded = load(wrap(module).eval())
    assert type(loaded.module).__name__ == "Net"
    assert loaded.notes == (f"unwrapped the model from its {kind}",)
    assert same_outputs(loaded.module, module)


def test_bound_methods_of_the_twin_are_its_own() -> None:
    module = net()
    module.step = functools.partial(module.norm.forward)
    assert load(module).module.step.func.__self__ is not module.norm


def test_a_module_that_cannot_be_copied_is_switched_itself_and_that_is_said() -> None:
    module = net()
    module.lock = threading.Lock()
    loaded = load(module)
    assert loaded.module is module
    assert not module.training
    assert "cannot be copied (TypeError: cannot pickle '_thread.lock' object)" in loaded.notes[0]
    assert loaded.notes[1] == "training mode was switched off"


def test_a_half_module_that_cannot_be_copied_is_left_alone() -> None:
    module = net().half()
    module.lock = threading.Lock()
    error = error_of(module)
    assert isinstance(error, InputError)
    assert "pass module.cpu().float().eval()" in str(error)
    assert module.training
    assert module.conv.weight.dtype == torch.float16


class Stubborn(nn.Module):
    def train(self, mode: bool = True) -> Stubborn:
        raise NotImplementedError("no modes here")


@pytest.mark.parametrize(
    ("source", "kind", "text"),
    [
        (lambda: nn.Linear(2, 2, device="meta"), InputError, "weight of Linear is on the meta device"),
        (lambda: nn.LazyLinear(2), InputError, "weight of LazyLinear has no shape yet"),
        (Stubborn, InputError, "Stubborn cannot be switched to eval() (NotImplementedError: no modes here)"),
        (lambda: {"weight": torch.ones(2)}, InputError, "a dict is not a model"),
    ],
)
def test_modules_that_cannot_be_converted(source: object, kind: type[Exception], text: str) -> None:
    error = error_of(source())
    assert type(error) is kind
    assert text in str(error)


def test_a_module_takes_no_model_options() -> None:
    assert isinstance(error_of(net(), model="a.py:Net"), UsageError)
    assert isinstance(error_of(net(), model_args="a=1"), UsageError)
