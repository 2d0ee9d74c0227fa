"""TensorFlow, imported where it is needed and nowhere else: without its chatter, or with a sentence that says what to
install."""

from __future__ import annotations

import logging
import os
from typing import Any

from liteport.errors import UsageError

_ERRORS_ONLY = "3"


def tensorflow() -> Any:
    """The package, which takes seconds to import. Raises UsageError where it is not installed."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", _ERRORS_ONLY)  # its C++ part reads it while it is loaded
    try:
        import tensorflow
    except ImportError as error:
        raise UsageError("TensorFlow's formats need TensorFlow: pip install liteport[tensorflow]") from error
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    return tensorflow
