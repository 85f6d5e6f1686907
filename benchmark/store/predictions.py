"""The label maps that a segmenter predicted for a test set, compressed in one file."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import DataError
from benchmark.store.layout import PREDICTIONS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Predictions:
    """Predicted label maps of a set of images.

    Attributes:
        maps: uint8 train ids, shape (N, H, W).
        ids: One image id per map, in the order of the set.
    """

    maps: NDArray[np.uint8]
    ids: tuple[str, ...]


def write_predictions(folder: Path, maps: NDArray[np.uint8], ids: Sequence[str]) -> None:
    """Store the predictions of a set; shapes as in `Predictions`."""
    import numpy as np

    np.savez_compressed(folder / PREDICTIONS, maps=maps, ids=np.array(ids, dtype=str))


def read_predictions(folder: Path) -> Predictions:
    """The predictions in the folder of a finished predict stage; `DataError` where they cannot be read."""
    import numpy as np

    path = folder / PREDICTIONS
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return Predictions(arrays["maps"], tuple(arrays["ids"].tolist()))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: expected stored predictions, but they cannot be read ({error})") from error
