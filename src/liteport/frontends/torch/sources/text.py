"""Words for messages: lists that stay readable, and other people's exceptions in one line."""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST = 200


def listed(names: Iterable[str], shown: int = 12) -> str:
    """The first few, and how many more there are."""
    names = [plain(name) for name in names]
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more:,} more" if more > 0 else "")


def described(error: BaseException | None) -> str:
    """An exception as the end of a sentence: its type and the first line of what it really says."""
    text = str(error.msg if isinstance(error, SyntaxError) else error)
    text = text.rpartition("WeightsUnpickler error:")[2].strip()  # PyTorch's advice comes before it
    return f"{type(error).__name__}: {plain(text.splitlines()[0])}" if text else type(error).__name__


def plain(text: str) -> str:
    """Text from a file, fit for a terminal: without control characters, and not too long."""
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
