"""What is looked at before TensorFlow is handed a file: what it is, and which operators reach beyond the model."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from liteport.errors import InputError, UnsafeFileError
from liteport.formats.disguised import LONGEST, disguise
from liteport.formats.tensorflow.graphs import all_nodes

# Those that every SavedModel has for its variables (SaveV2, RestoreV2 ...) are run by its loader alone.
REACHING = {
    *("ReadFile", "WriteFile", "MatchingFiles", "WholeFileReader", "WholeFileReaderV2", "TextLineReaderV2"),
    *("PyFunc", "PyFuncStateless", "EagerPyFunc", "TFRecordReaderV2", "FixedLengthRecordReaderV2"),
    *("TextLineDataset", "TFRecordDataset", "FixedLengthRecordDataset", "FixedLengthRecordDatasetV2"),
}


def check_begin(path: Path) -> None:
    """Raises InputError for a file that begins like something else, such as a web page."""
    with path.open("rb") as file:
        what = disguise(file.read(LONGEST))
    if what is not None:
        raise InputError(f"{path} is {what}")


def check_graphs(path: Path, graphs: Iterable[Any]) -> None:
    """Raises UnsafeFileError for a GraphDef that reads or writes files, or calls Python."""
    found = sorted({node.op for graph in graphs for node in all_nodes(graph)} & REACHING)
    if found:
        raise UnsafeFileError(
            f"{path} reaches beyond the model when it runs ({', '.join(found)}): convert it only if you trust where it "
            "came from, with --trust-pickle (trust_pickle=True)"
        )
