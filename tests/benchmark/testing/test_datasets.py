"""The suite for data sets: one that keeps its contract passes, and each check fails for one that breaks it."""

import itertools
import threading

import numpy as np
import pytest

from benchmark import ClassSet, DataError, Dataset, PluginOptions, Sample
from benchmark.testing import DatasetConformance

CLASSES = "test_its_classes_are_a_class_set_and_always_the_same"
IDS = "test_ids_are_unique_names_in_a_fixed_order"
SAMPLES = "test_samples_are_8_bit_images_with_labels_of_its_classes"
ORDER = "test_a_sample_does_not_depend_on_what_was_read_before"
WRITING = "test_writing_into_a_sample_does_not_change_the_next_reading"
PICKLED = "test_a_pickled_data_set_gives_the_same_samples"
SPLIT = "test_an_unknown_split_is_refused_by_name"
ID = "test_an_unknown_id_is_refused_by_name"
FINGERPRINT = "test_a_fingerprint_is_a_text_and_always_the_same"
VARIATIONS = "test_the_fingerprint_is_another_one_where_the_content_is_and_only_there"


class RoomOptions(PluginOptions):
    train: int = 4
    val: int = 2
    seed: int = 0
    shade: int = 0


class Rooms(Dataset):
    """Noise in two classes."""

    Options = RoomOptions
    classes = ClassSet(("floor", "wall"), ((0, 0, 0), (255, 255, 255)))

    def ids(self, split):
        if split not in ("train", "val"):
            raise DataError(f"no split '{split}'; it has train and val")
        return [f"{split}-{number}" for number in range(getattr(self.options, split))]

    def sample(self, split, id):
        if id not in self.ids(split):
            raise DataError(f"split '{split}' has no '{id}'")
        generator = np.random.default_rng([self.options.seed, len(split), int(id[-1])])
        image = generator.integers(0, 200, (6, 8, 3), dtype=np.uint8)
        return Sample(image + np.uint8(self.options.shade), generator.integers(0, 2, (6, 8), dtype=np.uint8), id)

    def fingerprint(self, split):
        return f"{split} {len(self.ids(split))} {self.options.seed} {self.options.shade}"


BROKEN = {}


def broken(check, says, *others):
    """Registers a way to break the data set: the check that must fail, what it must say, and those failing with it."""

    def register(change):
        BROKEN[change.__name__] = (change, check, says, others)
        return change

    return register


def changed(**fields):
    """A sample with fields that a function of the sample gives."""

    def sample(self, split, id):
        found = Rooms.sample(self, split, id)
        return found._replace(**{name: function(found) for name, function in fields.items()})

    return {"sample": sample}


@broken(CLASSES, "classes: expected a ClassSet, but ('floor', 'wall') came")
def names_its_classes_alone():
    return {"classes": ("floor", "wall")}


@broken(IDS, "ids('train'): expected every name once, but 'train-0' is there twice")
def repeats_an_id():
    return {"ids": lambda self, split: [f"{split}-0", *Rooms.ids(self, split)[:-1]]}


@broken(IDS, "ids('train') of another object: expected the same in that order", VARIATIONS)
def lists_ids_in_a_new_order():
    calls = []

    def ids(self, split):
        if not hasattr(self, "turn"):
            calls.append(self)
            self.turn = len(calls) % 2
        found = Rooms.ids(self, split)
        return found[::-1] if self.turn else found

    return {"ids": ids}


@broken(SAMPLES, "sample('train', 'train-0'): expected an 8-bit RGB image (H, W, 3), but it is float64 (6, 8, 3)")
def gives_floats():
    return changed(image=lambda sample: sample.image / 255)


@broken(SAMPLES, "expected a label of uint8, but int64 came")
def gives_long_labels():
    return changed(label=lambda sample: sample.label.astype(np.int64))


@broken(SAMPLES, "sample('train', 'train-0'): expected label ids below 2 (or 255), found 9")
def labels_beyond_its_classes():
    return changed(label=lambda sample: sample.label * 9)


@broken(SAMPLES, "expected a label for every image of the split or for none")
def labels_some_images():
    return changed(label=lambda sample: sample.label if sample.id[-1] == "0" else None)


@broken(SAMPLES, "expected that id in the sample, but 'train' came")
def gives_another_id():
    return changed(id=lambda sample: sample.id[:-2])


@broken(SAMPLES, "expected a Sample, but tuple came")
def gives_a_tuple():
    class Plain(tuple):
        image, label, id = (property(lambda self, index=index: self[index]) for index in range(3))

    Plain.__name__ = "tuple"
    return {"sample": lambda self, split, name: Plain(Rooms.sample(self, split, name))}


@broken(
    ORDER,
    "samples of 'train' read in two orders: expected equal bits, but 'train-0' differs",
    WRITING,
    PICKLED,
    VARIATIONS,
)
def draws_from_the_global_generator():
    def noisy(sample):
        return np.random.randint(0, 255, sample.image.shape, dtype=np.uint8)

    return changed(image=noisy)


@broken(WRITING, "sample('train', 'train-0') after writing into the one before: give out copies")
def keeps_what_it_gives():
    def sample(self, split, id):
        self.kept = getattr(self, "kept", {})
        return self.kept.setdefault((split, id), Rooms.sample(self, split, id))

    return {"sample": sample}


@broken(PICKLED, "expected it to be pickled, but TypeError came: cannot pickle '_thread.lock' object")
def holds_a_lock():
    def initialise(self, options):
        Rooms.__init__(self, options)
        self.lock = threading.Lock()

    return {"__init__": initialise}


@broken(SPLIT, "ids('no-such-name-anywhere'): expected a DataError, but [] came")
def has_every_split():
    def ids(self, split):
        return Rooms.ids(self, split) if split in ("train", "val") else []

    return {"ids": ids}


@broken(ID, "sample('train', 'no-such-name-anywhere'): expected a DataError, but ValueError came")
def fails_on_an_unknown_id():
    def sample(self, split, id):
        return Rooms.sample(self, split, f"{split}-{int(id[-1])}")

    return {"sample": sample}


@broken(ID, "expected a DataError that names 'no-such-name-anywhere', but it says: not there")
def does_not_name_an_unknown_id():
    def sample(self, split, id):
        if id not in self.ids(split):
            raise DataError("not there")
        return Rooms.sample(self, split, id)

    return {"sample": sample}


@broken(FINGERPRINT, "fingerprint('train') of another object: expected the same text, but it differs", VARIATIONS)
def fingerprints_the_object():
    made = itertools.count()

    def initialise(self, options):
        Rooms.__init__(self, options)
        self.number = next(made)

    return {"__init__": initialise, "fingerprint": lambda self, split: f"{len(self.ids(split))} {self.number}"}


@broken(VARIATIONS, "make(shade=5) changes images, labels or ids of 'train': expected another fingerprint")
def forgets_an_option():
    return {"fingerprint": lambda self, split: f"{split} {len(self.ids(split))} {self.options.seed}"}


@broken(VARIATIONS, "make(val=3) changes nothing of 'train': expected the same fingerprint, but it is another one")
def hashes_all_options():
    return {"fingerprint": lambda self, split: f"{split} {self.ids(split)} {self.options}"}


def suite(dataset, **attributes):
    def make(self, **changes):
        return dataset(RoomOptions(**changes))

    given = {"make": make, "variations": ({"seed": 1}, {"shade": 5}, {"val": 3}), **attributes}
    return type("TestIt", (DatasetConformance,), given)


@pytest.mark.parametrize("name", BROKEN)
def test_a_check_fails_for_a_data_set_that_breaks_what_it_checks_and_no_other_does(name, failures):
    change, check, says, others = BROKEN[name]
    fields = {"__module__": __name__, "__qualname__": "Broken", **change()}
    said = failures(suite(picklable(type("Broken", (Rooms,), fields))))
    assert set(said) == {check, *others}
    assert says in said[check]


def picklable(dataset):
    """Reached by its name in this module, as pickle looks a class up."""
    globals()["Broken"] = dataset
    return dataset


def test_a_data_set_that_keeps_its_contract_passes_every_check(failures):
    assert failures(suite(picklable(type("Broken", (Rooms,), {"__module__": __name__})))) == {}


def test_fingerprints_are_compared_only_with_variations():
    assert getattr(suite(Rooms, variations=()), VARIATIONS) is None
