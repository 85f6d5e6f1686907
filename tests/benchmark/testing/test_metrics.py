"""The suite for metrics: those that keep the contract pass, and each check fails for one that breaks it."""

from typing import ClassVar

import numpy as np
import pytest
import torch

from benchmark import IGNORE, PluginOptions, SegmentationMetric, TranslationMetric, Unavailable, Value
from benchmark.testing import MetricConformance

DECLARES = "test_it_declares_what_its_values_mean"
RETURNS = "test_it_returns_the_declared_values_within_their_ranges"
BATCHES = "test_values_do_not_depend_on_the_size_of_batches"
ORDER = "test_values_do_not_depend_on_the_order_of_images"
TWICE = "test_the_same_evaluation_gives_the_same_values_twice"
EMPTY = "test_without_any_image_it_is_unavailable"
IGNORED = "test_labels_that_are_all_ignored_give_a_value_or_a_reason"
UNLABELLED = "test_images_without_labels_give_a_value_or_a_reason"
ANY_SIZE = "test_images_of_any_size_give_a_value_or_a_reason"
LEFT = "test_what_it_is_given_is_left_as_it_was"
DETAILS = "test_details_are_plain_json"
PERFECT = "test_perfect_input_gives_the_values_that_are_known"
WORST = "test_the_worst_input_gives_the_values_that_are_known"
AGREES = "test_it_agrees_with_another_computation"
OPTIONS = "test_its_options_refuse_unknown_names"


class Hits(SegmentationMetric):
    """Share of right pixels."""

    values: ClassVar = {"hits": Value("Share of right pixels.", higher_is_better=True)}

    def start(self, classes, context):
        self.right = self.total = 0

    def update(self, predictions, labels):
        counted = labels != IGNORE
        self.right += int((predictions == labels)[counted].sum())
        self.total += int(counted.sum())

    def compute(self):
        if not self.total:
            raise Unavailable("no labelled pixel")
        return {"hits": self.right / self.total}

    def details(self):
        return {"pixels": self.total}


class Drift(TranslationMetric):
    """How far translations are from their sources, in classes of them, relative to the spread of the target."""

    values: ClassVar = {"drift": Value("Mean absolute change of a pixel.", higher_is_better=False)}

    def start(self, classes, context):
        self.sum, self.images, self.ids = 0.0, 0, []

    def name_images(self, ids):
        self.ids = list(ids)

    def update(self, source, translated, labels):
        self.sum += float((translated - source).abs().mean((1, 2, 3)).double().sum())
        self.images += len(source)

    def compute(self):
        if not self.images:
            raise Unavailable("no image")
        return {"drift": self.sum / self.images}

    def details(self):
        return {"first": self.ids[:1]}


def suite(metric, **attributes):
    return type("TestIt", (MetricConformance,), {"make": lambda self, **c: metric(PluginOptions(**c)), **attributes})


BROKEN = {}


def broken(base, check, says, *others, **attributes):
    """Registers a way to break a metric: the check that must fail, what it must say, and checks that fail with it."""

    def register(change):
        BROKEN[change.__name__] = (base, change, check, says, others, attributes)
        return change

    return register


@broken(Hits, DECLARES, "values['hits']: expected low < high, but they are 1.0 and 0.0", RETURNS)
def declares_a_range_the_wrong_way_round():
    return {"values": {"hits": Value("Share.", higher_is_better=True, low=1.0, high=0.0)}}


@broken(Hits, DECLARES, "values['hits'].summary: expected one line of text, but '' came")
def declares_without_a_summary():
    return {"values": {"hits": Value("", higher_is_better=True)}}


@broken(Hits, RETURNS, "expected the declared values ['hits'], but ['hit_rate'] came")
def returns_another_name():
    return {"compute": lambda self: {"hit_rate": Hits.compute(self)["hits"]}}


@broken(Hits, RETURNS, "hits: expected a value in [0, 1], but")
def returns_per_cent():
    return {"compute": lambda self: {"hits": 100 * Hits.compute(self)["hits"]}}


@broken(Hits, RETURNS, "hits: expected a float, but tensor(")
def returns_a_tensor():
    return {"compute": lambda self: {"hits": torch.tensor(Hits.compute(self)["hits"])}}


@broken(Drift, BATCHES, "6 images at once and in batches of 1, 3, 2")
def means_over_batches():
    def update(self, source, translated, labels):
        self.sum += float((translated - source).abs().mean())
        self.images += 1

    return {"update": update}


@broken(Drift, ORDER, "images in two orders: expected equal values, but drift is", BATCHES)
def weighs_later_images_more():
    def update(self, source, translated, labels):
        weights = 1 / torch.arange(1, len(source) + 1)
        self.sum += float(((translated - source).abs().mean((1, 2, 3)) * weights).sum())
        self.images += len(source)

    return {"update": update}


@broken(Drift, TWICE, "compute called twice: expected equal values, but")
def resets_in_compute():
    def compute(self):
        found = Drift.compute(self)
        self.sum /= 2
        return found

    return {"compute": compute}


@broken(Hits, TWICE, "(is state kept outside the object?)", ORDER, BATCHES, EMPTY)
def counts_in_its_class():
    counts = {"right": 0, "total": 0}

    def update(self, predictions, labels):
        Hits.update(self, predictions, labels)
        counts["right"] += self.right
        counts["total"] += self.total

    def compute(self):
        if not counts["total"]:
            raise Unavailable("no labelled pixel")
        return {"hits": counts["right"] / counts["total"]}

    return {"update": update, "compute": compute}


@broken(
    Hits, EMPTY, "expected Unavailable with a reason, but ZeroDivisionError came: division by zero", IGNORED, ANY_SIZE
)
def divides_by_no_pixel():
    return {"compute": lambda self: {"hits": self.right / self.total}}


@broken(Hits, EMPTY, "expected Unavailable with a reason, but {'hits': 0.0} came")
def scores_nothing_as_zero():
    return {"compute": lambda self: {"hits": self.right / max(1, self.total)}}


@broken(Hits, EMPTY, "expected Unavailable with a reason, but Unavailable came without a reason", IGNORED, ANY_SIZE)
def gives_no_reason():
    def compute(self):
        if not self.total:
            raise Unavailable("")
        return Hits.compute(self)

    return {"compute": compute}


@broken(Hits, IGNORED, "labels that are all IGNORE: expected finite values, or Unavailable with", ANY_SIZE)
def crashes_without_a_labelled_pixel():
    def update(self, predictions, labels):
        assert (labels != IGNORE).any(), "nothing to score"
        Hits.update(self, predictions, labels)

    return {"update": update}


@broken(Drift, UNLABELLED, "source images without labels: expected finite values, or Unavailable with a reason, but")
def takes_labels_for_granted():
    def update(self, source, translated, labels):
        labels.float()
        Drift.update(self, source, translated, labels)

    return {"update": update}


@broken(Drift, ANY_SIZE, "images of 1 x 1 pixels: expected finite values, or Unavailable with a reason, but {'drift'")
def divides_by_the_deviation_over_pixels():
    def update(self, source, translated, labels):
        deviation = source.flatten(1).std(1).log() * 0 if source.shape[2] > 1 else torch.full((1,), torch.nan)
        Drift.update(self, source, translated, labels)
        self.sum += float(deviation.sum())

    return {"update": update}


@broken(Drift, LEFT, "tensors before and after update (does an operation in place write into them?)")
def subtracts_in_place():
    def update(self, source, translated, labels):
        Drift.update(self, source, translated, labels)
        translated.sub_(source)

    return {"update": update}


@broken(Hits, DETAILS, "details: expected plain JSON values, but Object of type")
def keeps_numpy_in_details():
    return {"details": lambda self: {"pixels": np.int64(self.total)}}


@broken(Hits, DETAILS, "details: expected what JSON gives back, {'by_class': {'0':")
def keys_details_by_numbers():
    return {"details": lambda self: {"by_class": {0: 1.0}}}


@pytest.mark.parametrize("name", BROKEN)
def test_a_check_fails_for_a_metric_that_breaks_what_it_checks_and_no_other_does(name, failures):
    base, change, check, says, others, attributes = BROKEN[name]
    said = failures(suite(type("Broken", (base,), change()), **attributes))
    assert set(said) == {check, *others}
    assert says in said[check]


def count_right(data):
    counted = data.labels != IGNORE
    return float((data.predictions == data.labels)[counted].float().mean())


KNOWN = {"perfect": {"hits": 1.0}, "worst": {"hits": 0.0}, "expected": {"hits": count_right}}


def test_metrics_that_keep_their_contract_pass_every_check(failures):
    assert failures(suite(Hits, **KNOWN)) == {}
    assert failures(suite(Drift, perfect={"drift": 0.0})) == {}


@pytest.mark.parametrize(
    ("attributes", "check", "says"),
    [
        ({"perfect": {"hits": 0.5}}, PERFECT, "perfect input: expected hits = 0.5, but 1 came"),
        ({"worst": {"hits": 0.5}}, WORST, "the worst input: expected hits = 0.5, but 0 came"),
        ({"expected": {"hits": lambda data: 2.0}}, AGREES, "the other computation: expected hits = 2"),
        ({"perfect": {"hist": 1.0}}, PERFECT, "'hist' is not among the values ['hits']"),
    ],
)
def test_values_that_are_not_as_known_are_named(attributes, check, says, failures):
    said = failures(suite(Hits, **attributes))
    assert set(said) == {check}
    assert says in said[check]


def test_a_metric_is_given_what_it_needs_and_no_more():
    for needs in ((), ("target_segmenter",), ("translator",)):
        context = suite(Drift, needs=needs)().context(None)
        assert (context.target_segmenter is not None) == ("target_segmenter" in needs)
        assert (context.translator is not None) == ("translator" in needs)


STORED = "test_a_stored_reference_gives_the_values_of_the_images_it_is_made_from"


class Gap(Drift):
    """Difference of mean brightness from the target."""

    target = 0.0

    def reference(self, images):
        self.target += float(images.mean((1, 2, 3)).sum())

    def compute(self):
        return {"drift": abs(self.target / 6 - super().compute()["drift"])}

    def save_reference(self, folder):
        (folder / "target.txt").write_text(repr(self.target))

    def load_reference(self, folder):
        self.target = float((folder / "target.txt").read_text())


def test_a_stored_reference_that_gives_other_values_is_named(failures):
    assert failures(suite(Gap, needs=("reference",))) == {}
    rounded = type("Rounded", (Gap,), {"load_reference": lambda self, folder: setattr(self, "target", 3.0)})
    said = failures(suite(rounded, needs=("reference",)))
    assert set(said) == {STORED}
    assert "target images given, and their stored reference: expected equal values, but drift is" in said[STORED]
    assert "save_reference and load_reference are not there" in failures(suite(Drift, needs=("reference",)))[STORED]


def test_checks_of_known_values_are_there_only_with_values():
    assert [getattr(suite(Hits), name) for name in (PERFECT, WORST, AGREES)] == [None, None, None]
    assert all(callable(getattr(suite(Hits, **KNOWN), name)) for name in (PERFECT, WORST, AGREES))
