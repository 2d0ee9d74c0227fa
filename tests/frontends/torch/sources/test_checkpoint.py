"""Files of torch.save and .safetensors: whole modules, weights in every nesting, halves, other devices."""

from __future__ import annotations

import argparse
import pickle
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from liteport.errors import InputError, UnsafeFileError, UsageError
from liteport.frontends.torch.sources import load
from tests.frontends.torch.sources.support import (
    error_of,
    image,
    is_mapped,
    model_of,
    net,
    old_tar,
    on_device,
    rezip,
    same_outputs,
    source_file,
)

OFF = "training mode was switched off"


def state(**kwargs: Any) -> dict[str, torch.Tensor]:
    return net(**kwargs).state_dict()


def prefixed(prefix: str) -> dict[str, torch.Tensor]:
    return {prefix + name: tensor for name, tensor in state().items()}


def optimizer() -> dict[str, Any]:
    module = net()
    adam = torch.optim.Adam(module.parameters())
    module(image()).sum().backward()
    adam.step()
    return adam.state_dict()


PAYLOADS: list[tuple[str, Callable[[], Any], list[str]]] = [
    ("plain", state, []),
    ("dict", lambda: dict(state()), []),
    ("parameters", lambda: dict(net().state_dict(keep_vars=True)), []),
    *((name, lambda name=name: {name: state()}, [f"took the weights under '{name}'"]) for name in
      ("state_dict", "model", "model_state_dict", "ema", "params", "net", "weights", "anything")),
    ("deep", lambda: {"ema": {"module": state()}}, ["took the weights under 'ema.module'"]),
    ("module.", lambda: prefixed("module."), ["dropped the 'module.' prefix"]),
    ("_orig_mod.", lambda: prefixed("_orig_mod."), ["dropped the '_orig_mod.' prefix"]),
    ("model.", lambda: prefixed("model."), ["dropped the 'model.' prefix"]),
    ("two prefixes", lambda: prefixed("module._orig_mod."),
     ["dropped the 'module.' prefix", "dropped the '_orig_mod.' prefix"]),
    ("inner prefix", lambda: {n.replace("norm.", "norm._orig_mod."): t for n, t in state().items()},
     ["dropped the '_orig_mod.' prefix"]),
    ("training",
     lambda: {"epoch": 3, "state_dict": prefixed("module."), "optimizer": optimizer(), "best": torch.ones(())},
     ["took the weights under 'state_dict'", "dropped the 'module.' prefix"]),
    ("ema beside it", lambda: {"ema": state(seed=7), "state_dict": state()},
     ["took the weights under 'state_dict' (also there: ema)"]),
    ("the one that fits", lambda: {"state_dict": {"a": torch.ones(2)}, "odd": state()},
     ["took the weights under 'odd'"]),
    ("words among tensors", lambda: {**state(), "epoch": 3, "name": "net"}, ["left out epoch, name: not weights"]),
    ("numpy scalars", lambda: {"model": state(), "loss": np.float64(0.5), "n": np.int64(3), "on": np.bool_(True)},
     ["took the weights under 'model'"]),
    ("namespace", lambda: {"model": state(), "args": argparse.Namespace(lr=0.1, data=["x"])},
     ["took the weights under 'model'"]),
    ("without counters", lambda: OrderedDict((n, t) for n, t in state().items() if "tracked" not in n), []),
]  # fmt: skip


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize(("payload", "notes"), [p[1:] for p in PAYLOADS], ids=[p[0] for p in PAYLOADS])
def test_weights_are_found_and_fitted(payload: Any, notes: list[str], zipped: bool, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(payload(), path, _use_new_zipfile_serialization=zipped)
    loaded = load(path, model=model_of(tmp_path))
    assert loaded.notes == (*notes, OFF)
    assert loaded.root == "weights"
    assert same_outputs(loaded.module, net())


def save_legacy(payload: Any, path: Path) -> None:
    torch.save(payload, path, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize(
    ("save", "name", "mapped"),
    [(torch.save, "w.pth", True), (save_file, "w.safetensors", True), (save_legacy, "w.pth", False)],
    ids=["zip", "safetensors", "legacy"],
)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/maps")
def test_weights_stay_mapped(save: Callable[..., None], name: str, mapped: bool, tmp_path: Path) -> None:
    path = tmp_path / name
    save({name: tensor.contiguous() for name, tensor in state().items()}, path)
    module = load(path, model=model_of(tmp_path)).module
    assert same_outputs(module, net())
    assert is_mapped(module.conv.weight, path) is mapped
    assert is_mapped(module.norm.running_mean, path) is mapped


def test_a_recompressed_checkpoint_is_read_and_not_mapped(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "a.pth")
    path = rezip(tmp_path / "a.pth", tmp_path / "b.pth", compress=zipfile.ZIP_DEFLATED)
    assert same_outputs(load(path, model=model_of(tmp_path)).module, net())


def test_safetensors_under_another_name_are_known_by_their_content(tmp_path: Path) -> None:
    save_file(prefixed("module."), tmp_path / "w.bin")
    loaded = load(tmp_path / "w.bin", model=model_of(tmp_path))
    assert loaded.notes == ("dropped the 'module.' prefix", OFF)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_another_float_type_end_as_float32(dtype: torch.dtype, tmp_path: Path) -> None:
    torch.save(net().to(dtype).state_dict(), tmp_path / "w.pth")
    loaded = load(tmp_path / "w.pth", model=model_of(tmp_path))
    name = str(dtype).removeprefix("torch.")
    assert loaded.notes[0] in (f"{name} weights were widened to float32", f"{name} weights were narrowed to float32")
    assert torch.equal(loaded.module.conv.weight, net().conv.weight.to(dtype).float())


def test_a_half_factory_keeps_the_precision_of_float32_weights(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "w.pth")
    factory = source_file(tmp_path, text=net_source() + "\n\ndef half():\n    return Net().half()\n")
    module = load(tmp_path / "w.pth", model=f"{factory}:half").module
    assert same_outputs(module, net())


def net_source() -> str:
    from tests.frontends.torch.sources.support import SOURCE

    return SOURCE


def test_weights_from_another_device_are_moved(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "cpu.pth")
    path = on_device(tmp_path / "cpu.pth", tmp_path / "gpu.pth", "cuda:0")
    loaded = load(path, model=model_of(tmp_path))
    assert loaded.notes == ("moved from cuda:0 to the CPU", OFF)
    assert same_outputs(loaded.module, net())


def test_a_whole_module_from_another_device_is_moved(tmp_path: Path) -> None:
    torch.save(net().eval(), tmp_path / "cpu.pth")
    path = on_device(tmp_path / "cpu.pth", tmp_path / "gpu.pth", "cuda:1")
    loaded = load(path, trust_pickle=True)
    assert loaded.notes[0] == "moved from cuda:1 to the CPU"
    assert same_outputs(loaded.module, net())


def test_shared_storages_and_transposed_tensors(tmp_path: Path) -> None:
    base = torch.randn(7, 4)
    weights = {**state(), "head.weight": base[1:6], "conv.bias": base[6]}
    weights["conv.weight"] = weights["conv.weight"].permute(0, 1, 3, 2)
    torch.save(weights, tmp_path / "w.pth")
    module = load(tmp_path / "w.pth", model=model_of(tmp_path)).module
    assert torch.equal(module.head.weight, base[1:6])
    assert torch.equal(module.conv.bias, base[6])
    assert torch.equal(module.conv.weight, net().conv.weight.permute(0, 1, 3, 2))


TIED = """
from torch import nn


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.out = nn.Embedding(5, 3), nn.Linear(3, 5, bias=False)
        self.out.weight = self.embed.weight
        self.listed = [self.embed.weight]

    def forward(self, x):
        return self.out(self.embed(x)) + self.listed[0].sum()
"""


@pytest.mark.parametrize("names", [["embed.weight"], ["out.weight"], ["embed.weight", "out.weight"]])
def test_tied_weights_under_either_name_reach_every_holder(names: list[str], tmp_path: Path) -> None:
    weight = torch.randn(5, 3)
    torch.save({name: weight.clone() for name in names}, tmp_path / "w.pth")
    module = load(tmp_path / "w.pth", model=f"{source_file(tmp_path, text=TIED)}:Tied").module
    assert torch.equal(module.out.weight, weight)
    assert module.embed.weight is module.out.weight
    assert module.listed[0] is module.out.weight


@pytest.mark.parametrize("build", ["nn.LSTM(3, 4)", "nn.GRU(3, 4, bidirectional=True)", "nn.MultiheadAttention(4, 2)",
                                   "weight_norm(nn.Conv1d(3, 4, 3))", "spectral_norm(nn.Linear(3, 4))"])  # fmt: skip
def test_layers_that_keep_their_weights_elsewhere(build: str, tmp_path: Path) -> None:
    imports = "from torch import nn\nfrom torch.nn.utils.parametrizations import spectral_norm, weight_norm\n"
    text = f"{imports}\n\ndef make():\n    return {build}\n"
    scope: dict[str, Any] = {}
    exec(text, scope)
    original = scope["make"]().eval()
    torch.save(original.state_dict(), tmp_path / "w.pth")
    module = load(tmp_path / "w.pth", model=f"{source_file(tmp_path, text=text)}:make").module
    x = torch.randn(5, 3, 3) if "MultiheadAttention" not in build else torch.randn(5, 1, 4)
    args = (x, x, x) if "MultiheadAttention" in build else (x,)
    for got, expected in zip(outputs(module, args), outputs(original, args), strict=True):
        assert torch.equal(got, expected)


def outputs(module: nn.Module, args: tuple[Any, ...]) -> list[torch.Tensor]:
    with torch.no_grad():
        return [leaf for leaf in torch.utils._pytree.tree_leaves(module(*args)) if leaf is not None]


def test_a_factory_on_the_meta_device_gets_its_weights(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "w.pth")
    text = net_source() + "\n\ndef meta():\n    with torch.device('meta'):\n        return Net()\n"
    module = load(tmp_path / "w.pth", model=f"{source_file(tmp_path, text=text)}:meta").module
    assert same_outputs(module, net())


# Whole modules


def test_a_whole_module_is_refused_with_its_imports_and_loads_when_trusted(tmp_path: Path) -> None:
    torch.save(net(), tmp_path / "whole.pth")
    error = error_of(tmp_path / "whole.pth")
    assert type(error) is UnsafeFileError
    assert f"would import {type(net()).__module__}.Net, torch.nn.modules.batchnorm.BatchNorm2d" in str(error)
    assert "--trust-pickle" in str(error)
    loaded = load(tmp_path / "whole.pth", trust_pickle=True)
    assert loaded.root == "whole"
    assert loaded.notes[0].startswith("ran the pickle, which was trusted; it imported tests.frontends")
    assert loaded.notes[1:] == (OFF,)
    assert same_outputs(loaded.module, net())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A whole module whose class lives in zoo_of_tests/net_file.py of a project folder."""
    source_file(tmp_path / "project", "zoo_of_tests/net_file.py")
    sys.path.insert(0, str(tmp_path / "project"))
    try:
        import zoo_of_tests.net_file

        torch.manual_seed(0)
        torch.save(zoo_of_tests.net_file.Net().eval(), tmp_path / "whole.pth")
    finally:
        sys.path.remove(str(tmp_path / "project"))
        for name in [name for name in sys.modules if name.partition(".")[0] == "zoo_of_tests"]:
            del sys.modules[name]
    return tmp_path


def test_the_source_folder_is_importable_only_while_loading(project: Path) -> None:
    before = list(sys.path)
    loaded = load(project / "whole.pth", trust_pickle=True, source_dir=project / "project")
    assert type(loaded.module).__module__ == "zoo_of_tests.net_file"
    assert sys.path == before


@pytest.mark.parametrize(
    ("source", "remedy"), [(None, "imported from with --source DIR"), (".", "must be importable from --source")]
)
def test_classes_that_are_not_found(project: Path, source: str | None, remedy: str) -> None:
    folder = None if source is None else project
    text = str(error_of(project / "whole.pth", trust_pickle=True, source_dir=folder))
    assert "needs Python code that was not found (ModuleNotFoundError: No module named 'zoo_of_tests')" in text
    assert remedy in text


def test_a_class_of_the_script_that_saved_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main = sys.modules["__main__"]
    kind = type("Net", (nn.Module,), {"__module__": "__main__"})
    monkeypatch.setattr(main, "Net", kind, raising=False)
    torch.save(kind(), tmp_path / "whole.pth")
    monkeypatch.delattr(main, "Net")
    assert "its class stood in the script that saved it" in str(error_of(tmp_path / "whole.pth", trust_pickle=True))


def test_a_module_in_a_dict(tmp_path: Path) -> None:
    torch.save({"epoch": 1, "ema": None, "model": nn.DataParallel(net()).half()}, tmp_path / "whole.pth")
    loaded = load(tmp_path / "whole.pth", trust_pickle=True)
    assert loaded.notes[1:] == (
        "took the model under 'model'",
        "unwrapped the model from its DataParallel",
        "float16 weights were widened to float32",
        OFF,
    )


def test_a_whole_module_gives_its_weights_to_a_factory(tmp_path: Path) -> None:
    torch.save(net(), tmp_path / "whole.pth")
    loaded = load(tmp_path / "whole.pth", trust_pickle=True, model=model_of(tmp_path))
    assert type(loaded.module).__module__ != type(net()).__module__
    assert same_outputs(loaded.module, net())


def test_a_plain_pickle_loads_when_trusted(tmp_path: Path) -> None:
    (tmp_path / "whole.pkl").write_bytes(pickle.dumps(net()))
    assert isinstance(error_of(tmp_path / "whole.pkl"), UnsafeFileError)
    assert same_outputs(load(tmp_path / "whole.pkl", trust_pickle=True).module, net())


def test_arrays_are_weights_too(tmp_path: Path) -> None:
    arrays = {name: tensor.numpy() for name, tensor in state().items()}
    torch.save(arrays, tmp_path / "w.pth")
    assert "numpy" in str(error_of(tmp_path / "w.pth", model=model_of(tmp_path)))
    assert same_outputs(load(tmp_path / "w.pth", model=model_of(tmp_path), trust_pickle=True).module, net())


def test_another_pickle_protocol_needs_trust(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "w.pth", pickle_protocol=4)
    error = error_of(tmp_path / "w.pth", model=model_of(tmp_path))
    assert type(error) is UnsafeFileError
    assert "its pickle protocol is not torch.save's own" in str(error)
    assert same_outputs(load(tmp_path / "w.pth", model=model_of(tmp_path), trust_pickle=True).module, net())


# What is not a model


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ([1, 2], "holds a list, which is neither a model nor weights"),
        (torch.ones(3), "holds a Tensor, which is neither"),
        (None, "holds a NoneType, which is neither"),
        ({}, "holds an empty dict, which is neither"),
        ({"epoch": 3, "loss": 0.5}, "holds a dict of 'epoch', 'loss', which is neither"),
        ({"optimizer": {"state": {}, "param_groups": []}}, "holds a dict of 'optimizer', which is neither"),
    ],
)
@pytest.mark.parametrize("with_model", [True, False])
def test_checkpoints_without_a_model(payload: Any, text: str, with_model: bool, tmp_path: Path) -> None:
    torch.save(payload, tmp_path / "w.pth")
    error = error_of(tmp_path / "w.pth", model=model_of(tmp_path) if with_model else None)
    assert type(error) is InputError
    assert text in str(error)


def test_weights_alone_name_the_missing_option_and_some_keys(tmp_path: Path) -> None:
    torch.save({"state_dict": state(), "best": torch.ones(())}, tmp_path / "w.pth")
    error = error_of(tmp_path / "w.pth")
    assert type(error) is InputError
    assert "holds only weights under 'state_dict' (conv.weight [4, 3, 3, 3], conv.bias [4]," in str(error)
    assert "and 4 more)" in str(error)
    assert "--model path/to/file.py:Factory" in str(error)


def test_the_oldest_tar_format(tmp_path: Path) -> None:
    error = error_of(old_tar(tmp_path / "w.pth", {"epoch": 1}))
    assert type(error) is UnsafeFileError
    assert "from before PyTorch 0.1.10" in str(error)
    assert "a dict of 'epoch'" in str(error_of(old_tar(tmp_path / "w.pth", {"epoch": 1}), trust_pickle=True))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"model_args": "classes=3"}, "--model-args needs --model"),
        ({"model": "net_file.py"}, "must be package.module:Factory or path/to/file.py:Factory"),
        ({"model": "net_file:"}, "must be package.module:Factory or path/to/file.py:Factory"),
    ],
)
def test_options_that_cannot_be(options: dict[str, str], text: str, tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "w.pth")
    error = error_of(tmp_path / "w.pth", **options)
    assert type(error) is UsageError
    assert text in str(error)


def test_a_source_folder_that_is_not_there(tmp_path: Path) -> None:
    assert "there is no such folder" in str(error_of(tmp_path / "w.pth", source_dir=tmp_path / "nowhere"))
