"""TensorFlow and Keras, imported when they are needed and without what they say about themselves."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from liteport.errors import UsageError

# Errors only; read when TensorFlow is imported.
_C_LEVEL = ("TF_CPP_MIN_LOG_LEVEL", "3")
_BACKEND = "KERAS_BACKEND"
_LOGGERS = ("absl", "tensorflow", "h5py")


def tensorflow() -> Any:
    """The module. Raises UsageError where it is not installed."""
    if "tensorflow" not in sys.modules:
        os.environ.setdefault(*_C_LEVEL)
        os.environ.setdefault(_BACKEND, "tensorflow")
    try:
        with quietly():
            import tensorflow
    except ImportError as error:
        raise UsageError(f"models of TensorFlow need TensorFlow ({error}): pip install liteport[tensorflow]") from error
    return tensorflow


def keras() -> Any:
    """Keras on TensorFlow. Raises UsageError where it runs on another framework in this process."""
    tensorflow()
    import keras

    if (backend := keras.backend.backend()) != "tensorflow":
        raise UsageError(f"Keras runs on {backend} here: set {_BACKEND}=tensorflow before it is imported")
    return keras


@contextmanager
def quietly() -> Iterator[None]:
    """Leaves out what TensorFlow's Python says: warnings about what it will change one day, and its own older forms;
    errors that it writes down and goes on from. Those that end its work are raised."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
