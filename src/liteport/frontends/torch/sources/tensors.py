"""Reading .safetensors files."""

from __future__ import annotations

from typing import Any

from liteport.errors import InputError
from liteport.frontends.torch.sources.files import ModelFile
from liteport.frontends.torch.sources.text import described


def safetensors(file: ModelFile) -> dict[str, Any]:
    """The tensors in a .safetensors file by name, memory-mapped; the library checks the header against the file.

    Raises InputError for a file that is damaged or that lies about itself.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise InputError(f"{file} needs the safetensors package: pip install safetensors") from error
    try:
        with safe_open(str(file.path), framework="pt", device="cpu") as tensors:
            return {name: tensors.get_tensor(name) for name in tensors.keys()}  # noqa: SIM118 (it is no dict)
    except (SafetensorError, OSError, ValueError, RuntimeError, KeyError, AttributeError, TypeError) as error:
        why = described(error)
        raise InputError(f"{file} is no valid safetensors file ({why}): download or save it again") from error
