"""Every worked example, through the command that the documentation gives."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# name, the file that it makes, what its output must say
EXAMPLES = [
    ("lprnet", "lprnet.tflite", ["--trust-pickle", "examples.lprnet.model.LPRNet", "on 100 samples"]),
    (
        "chain",
        "lprnet.tflite",
        ["savedmodel", '"tensor": "output:0"', "compared on 100 samples", "quantised to dynamic"],
    ),
    ("mobilenet_v2", "mobilenet_v2.tflite", ["on 8 samples", "1 transpose"]),
    ("efficientnet_b3", "efficientnet_b3.tflite", ["took the weights under 'state_dict'", "on 8 samples"]),
    ("civilnet", "civilnet.tflite", ["dropped the 'module.' prefix", "on 8 samples", "fc3.weight"]),
    ("mtcnn_rnet", "rnet.tflite", ["output_0", "output_1", "PRELU 4", "on 8 samples"]),
    (
        "siamrpn",
        "siamrpn.tflite",
        ["template/box_kernels", "track/scores", "on 4 samples", "siamrpn.template.pb: image -> box_kernels"],
    ),
    ("keras_rnet", "rnet.saved.tflite", ["boxes", "scores", "args_0", "PRELU 4", "rnet.int8.tflite", "on 8 samples"]),
    ("llm", "llm.tflite", ["on 2 samples", "the same 48 tokens from all three"]),
    ("deeplabv3", "deeplabv3.tflite", ["on 8 samples", "1,21,256,256"]),
]


def run(name: str, folder: Path) -> str:
    """The example's output. Fails the test where it fails."""
    command = [sys.executable, "-m", f"examples.{name}", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return output


@pytest.mark.parametrize(("name", "file", "says"), EXAMPLES, ids=[e[0] for e in EXAMPLES])
def test_example(name: str, file: str, says: list[str], tmp_path: Path) -> None:
    output = run(name, tmp_path)
    assert (tmp_path / file).is_file()
    assert [text for text in says if text not in output] == [], output


def test_digits_are_read_as_well_as_before(tmp_path: Path) -> None:
    output = run("digits", tmp_path)
    found = re.findall(r"^(PyTorch|LiteRT|int8) +([\d.]+)$", output, re.MULTILINE)
    accuracy = {name: float(value) for name, value in found}
    assert accuracy["PyTorch"] == accuracy["LiteRT"] > 0.95
    assert accuracy["int8"] > accuracy["PyTorch"] - 0.01
    assert "on 450 samples" in output


def test_every_example_is_tested_and_documented() -> None:
    names = {path.parent.name for path in (ROOT / "examples").glob("*/__main__.py")}
    assert names == {name for name, _, _ in EXAMPLES} | {"digits"}
    page = (ROOT / "docs" / "examples.md").read_text()
    assert names == set(re.findall(r"python -m examples\.(\w+)", page))
