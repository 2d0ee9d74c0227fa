"""The bars of the main job, convolutional networks to files: python -m benchmarks.foundation (options: --help)."""

from __future__ import annotations

import sys

from benchmarks.bars import ACCURATE, FASTER, NO_SLOWER, THIRD, Line, at_most
from benchmarks.measure import main

LINES = [
    Line("mobilenet_v2", "seconds", THIRD, "{:.1f}"),
    Line("efficientnet_b3", "seconds", THIRD, "{:.1f}"),
    Line("lprnet", "operators", at_most(45)),
    Line("lprnet", "transposes", at_most(3)),
    Line("lprnet", "latency_ms", FASTER, "{:.2f}"),
    Line("shufflenet_v2_x1_0", "operators", at_most(120)),
    Line("shufflenet_v2_x1_0", "transposes", at_most(3)),
    Line("shufflenet_v2_x1_0", "latency_ms", NO_SLOWER, "{:.2f}"),
    Line("densenet121", "operators", at_most(311)),
    Line("densenet121", "transposes", at_most(1)),
    Line("densenet121", "latency_ms", NO_SLOWER, "{:.2f}"),
    Line("mobilenet_v3_large", "operators", at_most(126)),
    Line("mobilenet_v3_large", "transposes", at_most(1)),
    Line("mobilenet_v3_large", "latency_ms", NO_SLOWER, "{:.2f}"),
    Line("mobilenet_v2", "latency_ms", NO_SLOWER, "{:.2f}"),
    Line("efficientnet_b3", "latency_ms", NO_SLOWER, "{:.2f}"),
    Line("resnet50", "latency_ms", NO_SLOWER, "{:.2f}"),
    Line("mobilenet_v2", "error", ACCURATE, "{:.1e}"),
    Line("resnet50", "peak_mb", at_most(650)),
]

if __name__ == "__main__":
    sys.exit(main("foundation", LINES))
