"""What every data set must do, as checks that its author subclasses."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np

from benchmark.api.dataset import ClassSet, Dataset, Sample
from benchmark.errors import DataError
from benchmark.stages.contract_checks import check_sample
from benchmark.testing.suite import NO_ERROR, ConformanceSuite, error_of

NOWHERE = "no-such-name-anywhere"
"""A split, or an id, that no data set has."""


class DatasetConformance(ConformanceSuite):
    """The contract of a data set, checked on a few samples; subclass it under a name that starts with `Test`.

    ```python
    class TestRooms(DatasetConformance):
        variations = ({"seed": 1}, {"size": (16, 24)})

        def make(self, **changes):
            return Rooms(RoomsOptions(**{"train": 4, "val": 2, **changes}))
    ```

    A data set of files writes them where `make` finds them, in a fixture or in `make` itself; changes may then be of
    the files, too.

    Attributes:
        splits: The splits that `make()` has.
        samples: How many samples of each split are read.
        variations: Changes to `make`. Of each it is seen whether the content of a split is another one, and its
            fingerprint must be another one then, and only then. Name one that changes images, one that changes
            labels, one that changes another split, and one that changes nothing, where there are such options.
    """

    splits: ClassVar[Sequence[str]] = ("train", "val")
    samples: ClassVar[int] = 3
    variations: ClassVar[Sequence[Mapping[str, Any]]] = ()

    @classmethod
    def conditional_checks(cls) -> Mapping[str, bool]:
        """The check of fingerprints, where there are variations to compare."""
        return {"test_the_fingerprint_is_another_one_where_the_content_is_and_only_there": bool(cls.variations)}

    def chosen_ids(self, dataset: Dataset, split: str) -> list[str]:
        """The ids whose samples are read."""
        return list(dataset.ids(split))[: self.samples]

    def content(self, dataset: Dataset, split: str, ids: Iterable[str]) -> dict[str, str]:
        """A hash of image and label, by id; what is read is read in the order of `ids`."""
        return {name: _digest(dataset.sample(split, name)) for name in ids}

    def test_its_classes_are_a_class_set_and_always_the_same(self) -> None:
        """Train ids mean nothing without them."""
        first, second = self.make().classes, self.make().classes
        assert isinstance(first, ClassSet), f"classes: expected a ClassSet, but {first!r} came"
        assert 0 < len(first) < 255, f"classes: expected 1 to 254 classes, but there are {len(first)}"
        assert first == second, (
            f"classes of two data sets of the same options: expected equal ones, but they are {first} and {second}"
        )

    def test_ids_are_unique_names_in_a_fixed_order(self) -> None:
        """Pairs are found by them, and the order of training by their order."""
        for split in self.splits:
            dataset = self.make()
            ids = list(dataset.ids(split))
            assert ids, f"ids('{split}'): expected one at least, but there is none; raise DataError for an empty split"
            wrong = [name for name in ids if not (isinstance(name, str) and name)]
            assert not wrong, f"ids('{split}'): expected names, but {wrong[0]!r} is among them"
            twice = [name for name in ids if ids.count(name) > 1]
            assert not twice, f"ids('{split}'): expected every name once, but '{twice[0]}' is there twice"
            self.content(dataset, split, ids[: self.samples])
            for which, again in (("after reading", dataset.ids(split)), ("of another object", self.make().ids(split))):
                assert list(again) == ids, f"ids('{split}') {which}: expected the same in that order, but they differ"

    def test_samples_are_8_bit_images_with_labels_of_its_classes(self) -> None:
        """What the harness stores for training, and what it refuses otherwise."""
        for split in self.splits:
            dataset = self.make()
            ids = self.chosen_ids(dataset, split)
            labelled = dataset.sample(split, ids[0]).label is not None
            for name in ids:
                sample, where = dataset.sample(split, name), f"sample('{split}', '{name}')"
                assert isinstance(sample, Sample), f"{where}: expected a Sample, but {type(sample).__name__} came"
                assert sample.id == name, f"{where}: expected that id in the sample, but '{sample.id}' came"
                kind = getattr(sample.label, "dtype", None)
                assert kind in (None, np.uint8), f"{where}: expected a label of uint8, but {kind} came"
                check = partial(check_sample, sample, dataset.classes, labelled=labelled, where=where)
                came = error_of(check)
                assert came == NO_ERROR, came

    def test_a_sample_does_not_depend_on_what_was_read_before(self) -> None:
        """Several processes may read, each another part."""
        for split in self.splits:
            dataset = self.make()
            ids = self.chosen_ids(dataset, split)
            np.random.seed(1)
            forward = self.content(dataset, split, ids)
            np.random.seed(2)
            backward = self.content(self.make(), split, reversed(ids))
            changed = [name for name in ids if forward[name] != backward[name]]
            assert not changed, (
                f"samples of '{split}' read in two orders: expected equal bits, but '{changed[0]}' differs (is a "
                "random generator shared by samples? seed one for each, from the options and the id)"
            )

    def test_writing_into_a_sample_does_not_change_the_next_reading(self) -> None:
        """Arrays that are kept for the next call belong to the data set alone."""
        for split in self.splits:
            dataset = self.make()
            name = self.chosen_ids(dataset, split)[0]
            before = _digest(dataset.sample(split, name))
            for array in dataset.sample(split, name)[:2]:
                if array is not None and array.flags.writeable:
                    array[:] = 0
            after = _digest(dataset.sample(split, name))
            assert before == after, f"sample('{split}', '{name}') after writing into the one before: give out copies"

    def test_a_pickled_data_set_gives_the_same_samples(self) -> None:
        """It may be read in another process."""
        for split in self.splits:
            dataset = self.make()
            ids = self.chosen_ids(dataset, split)
            try:
                copy = pickle.loads(pickle.dumps(dataset))
            except Exception as error:  # pickling runs the author's code: the check says what came
                raise AssertionError(f"expected it to be pickled, but {type(error).__name__} came: {error}") from error
            same = self.content(dataset, split, ids) == self.content(copy, split, ids)
            assert same, f"samples of '{split}' of a pickled data set: expected equal bits, but they differ"

    def test_an_unknown_split_is_refused_by_name(self) -> None:
        """A misspelt split must not be an empty one."""
        for call in ("ids", "fingerprint"):
            self._check_refused(partial(getattr(self.make(), call), NOWHERE), f"{call}('{NOWHERE}')")

    def test_an_unknown_id_is_refused_by_name(self) -> None:
        """The error of a missing image names it."""
        split = self.splits[0]
        self._check_refused(partial(self.make().sample, split, NOWHERE), f"sample('{split}', '{NOWHERE}')")

    def test_a_fingerprint_is_a_text_and_always_the_same(self) -> None:
        """It is part of the key of every result; a new one would throw all of them away."""
        for split in self.splits:
            dataset = self.make()
            first = dataset.fingerprint(split)
            assert isinstance(first, str), f"fingerprint('{split}'): expected text, but {first!r} came"
            assert first, f"fingerprint('{split}'): expected text, but it is empty"
            self.content(dataset, split, self.chosen_ids(dataset, split))
            for which, again in (("after reading", dataset), ("of another object", self.make())):
                same = again.fingerprint(split) == first
                assert same, f"fingerprint('{split}') {which}: expected the same text, but it differs"

    def test_the_fingerprint_is_another_one_where_the_content_is_and_only_there(self) -> None:
        """With an old fingerprint old results would be taken for new ones."""
        for changes in self.variations:
            for split in self.splits:
                before = self._content_and_fingerprint({}, split)
                after = self._content_and_fingerprint(changes, split)
                same_content, same_fingerprint = (one == other for one, other in zip(before, after, strict=True))
                assert same_content or not same_fingerprint, (
                    f"make({_as_text(changes)}) changes images, labels or ids of '{split}': expected another "
                    "fingerprint, but it is the same; hash all that decides the content"
                )
                assert same_fingerprint or not same_content, (
                    f"make({_as_text(changes)}) changes nothing of '{split}': expected the same fingerprint, but it is "
                    "another one; hash only what decides the content of the split"
                )

    def _content_and_fingerprint(self, changes: Mapping[str, Any], split: str) -> tuple[object, str]:
        dataset = self.make(**changes)
        ids = list(dataset.ids(split))
        return (ids, self.content(dataset, split, ids)), dataset.fingerprint(split)

    def _check_refused(self, action: Callable[[], object], what: str) -> None:
        try:
            found = action()
        except DataError as error:
            assert NOWHERE in str(error), f"{what}: expected a DataError that names '{NOWHERE}', but it says: {error}"
            return
        except Exception as error:  # whatever it is, it is no clear error
            raise AssertionError(f"{what}: expected a DataError, but {type(error).__name__} came: {error}") from error
        raise AssertionError(f"{what}: expected a DataError, but {found!r} came")


def _digest(sample: Sample) -> str:
    arrays = [array for array in (sample.image, sample.label) if array is not None]
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _as_text(changes: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in changes.items())
