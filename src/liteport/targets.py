"""What a model can be written as: the kinds of files and folders, by suffix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from liteport.backends.tflite import writer
from liteport.check.litert import LiteRT
from liteport.check.runner import Runner
from liteport.collector import no_collection
from liteport.errors import InputError, UsageError
from liteport.ir.graph import Module
from liteport.output import check_folder, check_target

FOLDER = ""


@dataclass(frozen=True)
class Kind:
    """One kind. `write` writes a module, `open` loads what was written, in the runtime that it is for.

    is_chosen: written in the forms that are chosen for LiteRT's kernels; others in the plain ones.
    known_by: the file that a folder of this kind has. extra: what must be installed, liteport[extra].
    """

    suffix: str
    title: str
    write: Callable[[Module, Path], None]
    open: Callable[[Path], Runner]
    is_chosen: bool = False
    known_by: str = ""
    extra: str = ""

    def check(self, path: str | Path, source: str | Path | None = None) -> Path:
        """Where it can be written. Raises InputError (see check_target and check_folder), and UsageError where what it
        needs is not installed."""
        if self.extra and find_spec(self.extra) is None:
            raise UsageError(
                f"a {self.title} needs {self.extra}, which is not there: pip install liteport[{self.extra}]"
            )
        if self.known_by:
            return check_folder(path, self.known_by, self.title, source)
        return check_target(path, source, self.suffix)

    def save(self, module: Module, path: Path) -> None:
        """Writes `module` to `path`. Raises UnsupportedError for operators that this kind has none for."""
        with no_collection():
            self.write(module, path)


# Each is imported where it is used.


def _write_saved_model(module: Module, path: Path) -> None:
    from liteport.formats.tensorflow.runtime import quietly, tensorflow

    tensorflow()
    from liteport.backends.tensorflow.saved_model import save

    with quietly():
        save(module, path)


def _open_saved_model(path: Path) -> Runner:
    from liteport.check.tensorflow import SavedModel

    return SavedModel(path)


def _write_frozen_graph(module: Module, path: Path) -> None:
    from liteport.formats.tensorflow.runtime import quietly, tensorflow

    tensorflow()
    from liteport.backends.tensorflow.frozen import save

    with quietly():
        save(module, path)


def _open_frozen_graph(path: Path) -> Runner:
    from liteport.check.tensorflow import FrozenGraph

    return FrozenGraph(path)


def _write_keras(module: Module, path: Path) -> None:
    from liteport.formats.tensorflow.runtime import keras, quietly

    keras()
    from liteport.backends.keras.writer import save

    with quietly():
        save(module, path)


def _open_keras(path: Path) -> Runner:
    from liteport.check.tensorflow import KerasModel

    return KerasModel(path)


TFLITE = Kind(".tflite", "TFLite model", writer.save, LiteRT, is_chosen=True)
KINDS: Mapping[str, Kind] = {
    TFLITE.suffix: TFLITE,
    ".pb": Kind(".pb", "frozen graph", _write_frozen_graph, _open_frozen_graph, extra="tensorflow"),
    ".keras": Kind(".keras", "Keras model", _write_keras, _open_keras, extra="tensorflow"),
    FOLDER: Kind(
        FOLDER, "SavedModel", _write_saved_model, _open_saved_model, known_by="saved_model.pb", extra="tensorflow"
    ),
}


def kind_of(path: str | Path) -> Kind:
    """The kind that is to be written to `path`: a SavedModel to a folder, or where there is no suffix.

    Raises InputError for a suffix that none of them has.
    """
    target = Path(path)
    suffix = target.suffix
    if suffix not in KINDS and (target.is_dir() or str(path).endswith("/")):
        suffix = FOLDER
    if suffix not in KINDS:
        *others, last = (f"something{each}" for each in KINDS if each != FOLDER)
        raise InputError(f"the output must be called {', '.join(others)} or {last}, or be a folder: {target} is not")
    return KINDS[suffix]
