"""Sessions of ONNX Runtime: the one place that opens them, for models that are imported and for files that are run."""

from __future__ import annotations

import ctypes
import re
import sys
from pathlib import Path
from typing import Any

from liteport.errors import UsageError

# Where ONNX Runtime looks for external data of a model that it is given as bytes.
_FOLDER = "session.model_external_initializers_file_folder_path"
_FATAL_ONLY = 4


def open_session(
    model: str | Path | bytes, *, threads: int = 0, optimise: bool = True, folder: Path | None = None
) -> Any:
    """A model, a path or a file's bytes, on the CPU.

    threads: as many as there are cores by default.
    optimise: let ONNX Runtime rewrite the graph, for which it copies the weights.
    folder: where the external data of a model that is given as bytes stand.

    Raises UsageError where ONNX Runtime is not installed, and whatever it raises for the model: that has no base of
    its own.
    """
    runtime = _onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = _FATAL_ONLY
    if not optimise:
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    # Threads that spin while they wait take the time of the model that this one is compared with.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Without this its products of 8 bits overflow on processors without VNNI.
    options.add_session_config_entry("session.x64quantprecision", "1")
    if folder is not None:
        options.add_session_config_entry(_FOLDER, str(folder))
    source = model if isinstance(model, bytes) else str(model)
    return runtime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def reason(error: Exception) -> str:
    """The first line of ONNX Runtime's message, without the code that leads it: "[ONNXRuntimeError] : 1 : FAIL : "."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", lines[0]) if lines else type(error).__name__


def give_back() -> None:
    """Hands memory that closed sessions have freed back to the system, where the C library keeps it (glibc's does)."""
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise UsageError(
            "an .onnx file is run by ONNX Runtime, which is not there: pip install liteport[onnx]"
        ) from error
    return onnxruntime
