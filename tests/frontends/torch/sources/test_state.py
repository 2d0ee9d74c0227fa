"""Weights that do not fit: the error lists them, shortly, and says what was probably meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from liteport.errors import WeightsError
from liteport.frontends.torch.sources import load
from tests.frontends.torch.sources.support import SOURCE, error_of, model_of, net, source_file


def misfit_of(weights: dict[str, Any], tmp_path: Path, **options: Any) -> str:
    torch.save(weights, tmp_path / "w.pth")
    error = error_of(tmp_path / "w.pth", **{"model": model_of(tmp_path), **options})
    assert type(error) is WeightsError
    assert error.exit_code == 2
    return str(error)


def test_missing_keys(tmp_path: Path) -> None:
    weights = net().state_dict()
    del weights["norm.running_mean"], weights["head.bias"]
    text = misfit_of(weights, tmp_path)
    assert f"The weights in {tmp_path / 'w.pth'} do not fit Net: 2 missing.\n" in text
    assert "(the model has them, the file does not):\n    norm.running_mean [4]\n    head.bias [5]\n" in text
    assert "unexpected" not in text
    assert "--model-args" in text


def test_unexpected_keys_with_near_matches_of_the_same_shape(tmp_path: Path) -> None:
    names = {"conv.weight": "convv.weight", "head.bias": "header.bias"}
    weights = {names.get(name, name): tensor for name, tensor in net().state_dict().items()}
    weights["aux.scale"] = torch.ones(7)
    text = misfit_of(weights, tmp_path)
    assert "do not fit Net: 2 missing, 3 unexpected." in text
    assert "    convv.weight [4, 3, 3, 3]; near match: conv.weight\n" in text
    assert "    header.bias [5]; near match: head.bias\n" in text
    assert "    aux.scale [7]\n" in text


def test_shapes_that_differ_are_listed_with_both(tmp_path: Path) -> None:
    text = misfit_of(net(classes=9).state_dict(), tmp_path)
    assert "do not fit Net: 2 of another shape." in text
    assert "    head.weight: file [9, 4], model [5, 4]\n    head.bias: file [9], model [5]\n" in text
    assert load(tmp_path / "w.pth", model=model_of(tmp_path), model_args="classes=9").module.head.out_features == 9


def test_all_three_sorts_at_once(tmp_path: Path) -> None:
    weights = net(classes=9).state_dict()
    weights["extra"] = weights.pop("conv.bias")
    text = misfit_of(weights, tmp_path)
    assert "1 missing, 1 unexpected, 2 of another shape." in text


def test_hundreds_of_keys_stay_readable(tmp_path: Path) -> None:
    weights = {f"layers.{i}.weight": torch.ones(1) for i in range(1234)}
    text = misfit_of(weights, tmp_path)
    assert "8 missing, 1,234 unexpected." in text
    assert "    layers.9.weight [1]\n    and 1,224 more\n" in text
    assert "layers.10.weight" not in text


def test_a_prefix_is_dropped_only_where_that_fits(tmp_path: Path) -> None:
    weights = {f"backbone.{name}": tensor for name, tensor in net().state_dict().items()}
    assert "8 missing, 9 unexpected." in misfit_of(weights, tmp_path)
    inner = SOURCE + "\n\nclass Outer(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    factory = source_file(tmp_path, "outer.py", inner + "        self.model = Net()\n")
    torch.save({f"model.{name}": tensor for name, tensor in net().state_dict().items()}, tmp_path / "w.pth")
    assert load(tmp_path / "w.pth", model=f"{factory}:Outer").notes == ("training mode was switched off",)


def test_what_the_users_own_hooks_raise(tmp_path: Path) -> None:
    text = SOURCE + ("    def _load_from_state_dict(self, *args, **kwargs):\n        raise KeyError('their own bug')\n")
    factory = source_file(tmp_path, "hook.py", text)
    assert "do not fit Net: KeyError: 'their own bug'." in misfit_of(
        dict(net().state_dict()), tmp_path, model=f"{factory}:Net"
    )


def test_old_names_are_translated_by_the_modules_own_version(tmp_path: Path) -> None:
    """torchvision and others rename keys by the version that state_dict keeps beside the tensors."""
    text = """
from torch import nn


class Versioned(nn.Module):
    _version = 2

    def __init__(self):
        super().__init__()
        self.fresh = nn.Linear(2, 2)

    def _load_from_state_dict(self, state, prefix, metadata, *args, **kwargs):
        if metadata.get("version", 1) < 2:
            for name in ("weight", "bias"):
                state[f"{prefix}fresh.{name}"] = state.pop(f"{prefix}stale.{name}")
        super()._load_from_state_dict(state, prefix, metadata, *args, **kwargs)
"""
    factory = source_file(tmp_path, "versioned.py", text)
    new = load(f"{factory}:Versioned").module
    old = {name.replace("fresh", "stale"): tensor for name, tensor in new.state_dict().items()}
    for weights in (old, {f"module.{k}": v for k, v in old.items()}, new.state_dict()):
        torch.save(weights, tmp_path / "w.pth")
        module = load(tmp_path / "w.pth", model=f"{factory}:Versioned").module
        assert torch.equal(module.fresh.weight, new.fresh.weight)
    wrapped = torch.nn.DataParallel(new).state_dict()
    torch.save(wrapped, tmp_path / "w.pth")
    assert torch.equal(load(tmp_path / "w.pth", model=f"{factory}:Versioned").module.fresh.weight, new.fresh.weight)


@pytest.mark.parametrize("value", [torch.ones(1), torch.tensor(2.0)])
def test_scalars_from_old_files(value: torch.Tensor, tmp_path: Path) -> None:
    text = "import torch\nfrom torch import nn\n\n\ndef make():\n    module = nn.ReLU()\n"
    text += "    module.gain = nn.Parameter(torch.tensor(0.0))\n    return module\n"
    torch.save({"gain": value}, tmp_path / "w.pth")
    module = load(tmp_path / "w.pth", model=f"{source_file(tmp_path, 'scalar.py', text)}:make").module
    assert module.gain.shape == ()
    assert torch.equal(module.gain.detach(), value.reshape(()))


def test_integers_take_the_modules_type(tmp_path: Path) -> None:
    weights = {n: t.int() if t.dtype == torch.int64 else t for n, t in net().state_dict().items()}
    torch.save(weights, tmp_path / "w.pth")
    module = load(tmp_path / "w.pth", model=model_of(tmp_path)).module
    assert module.norm.num_batches_tracked.dtype == torch.int64
