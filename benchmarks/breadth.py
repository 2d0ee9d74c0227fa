"""The bars of breadth, on the open set of networks: python -m benchmarks.breadth (options: --help)."""

from __future__ import annotations

import sys

from benchmarks.bars import ALL, NO_SLOWER, THIRD, Limit, Line, at_most
from benchmarks.measure import main
from benchmarks.models import NETWORKS

# network: operators, transposes (None: no bar)
AT_MOST: dict[str, tuple[int, int | None]] = {
    "convnext_tiny": (280, 2),
    "vit_tiny": (380, 36),
    "swin_tiny": (580, 39),
    "segformer_b0": (520, 68),
    "coat_tiny": (1325, 228),  # half of litert-torch's
    "bert": (190, 16),
    "whisper_encoder": (180, 21),
    "llama": (230, 20),
    "bilstm": (100, None),  # not unrolled: litert-torch has 2047
}

LINES = [
    *(Line(network, "plain_operators", at_most(operators)) for network, (operators, _) in AT_MOST.items()),
    *(Line(network, "transposes", at_most(most)) for network, (_, most) in AT_MOST.items() if most is not None),
    Line("gpt2", "file_mb", at_most(275)),  # 271 MB of weights, the tied ones counted once
    Line("gpt2", "excess", Limit(1.3, "at most PyTorch's + 1.3 x weights"), "{:.2f}"),
    *(Line(network, "latency_ms", NO_SLOWER, "{:.2f}") for network in NETWORKS),
    Line(ALL, "seconds", THIRD, "{:.1f}"),
]

if __name__ == "__main__":
    sys.exit(main("breadth", LINES))
