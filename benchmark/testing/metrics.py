"""What every metric must do, over predictions or over translations, as checks that its author subclasses."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from benchmark.api.dataset import IGNORE, ClassSet
from benchmark.api.metric import (
    AcceptsImageIds,
    HasReferenceState,
    Metric,
    SegmentationMetric,
    TranslationMetric,
    Value,
    VariantMetric,
)
from benchmark.api.stage_context import StageContext
from benchmark.errors import Unavailable
from benchmark.testing.domains import CLASSES, COLD, make_domains
from benchmark.testing.nearest_colour import NearestColour
from benchmark.testing.outputs import check_equal
from benchmark.testing.suite import ConformanceSuite

COUNT = 6
"""Images of an evaluation."""
SPLITS: Sequence[Sequence[Sequence[int]]] = (((0,), (1,), (2,), (3,), (4,), (5,)), ((0,), (1, 2, 3), (4, 5)))
ORDER = (4, 0, 5, 2, 1, 3)

Numbers = dict[str, float]


class MetricData(NamedTuple):
    """All that metrics of either kind may be given, for the same images.

    Attributes:
        predictions: uint8 train ids, shape (N, H, W), of which some are wrong.
        labels: uint8 train ids of the same shape, `IGNORE` in the lowest row.
        source: Source images, float32 in [0, 1], shape (N, 3, H, W).
        variants: Translations, shape (V, N, 3, H, W); the first one is what `update` is given.
        target: Images of the target domain, shape (N, 3, H, W).
        ids: Of the source images.
        classes: Of the labels.
    """

    predictions: Tensor
    labels: Tensor
    source: Tensor
    variants: Tensor
    target: Tensor
    ids: tuple[str, ...]
    classes: ClassSet = CLASSES

    def part(self, indices: Sequence[int]) -> MetricData:
        """Some of the images."""
        wanted = list(indices)
        return MetricData(
            self.predictions[wanted],
            self.labels[wanted],
            self.source[wanted],
            self.variants[:, wanted],
            self.target[wanted],
            tuple(self.ids[index] for index in wanted),
            self.classes,
        )

    def tensors(self) -> dict[str, Tensor]:
        """The tensors by name."""
        return {name: value for name, value in self._asdict().items() if isinstance(value, Tensor)}


class MetricConformance(ConformanceSuite):
    """The contract of a metric, checked on tiny images; subclass it under a name that starts with `Test`.

    ```python
    class TestBoundary(MetricConformance):
        perfect = {"boundary_accuracy": 1.0}

        def make(self, **changes):
            return BoundaryAccuracy(BoundaryOptions(**changes))
    ```

    Whether the metric is over predictions or over translations is seen from its class.

    Attributes:
        needs: As in the registration; `start` finds in its context a segmenter that knows the colours of the target
            images, and a translator that inverts colours.
        size: Height and width of the images.
        perfect: What values are to be where predictions equal the labels; or where translations equal the source
            images and the target images too.
        worst: What values are to be where no pixel has its class; or where translations are negatives of the source.
        expected: Functions that compute values from `MetricData` in another way, by the name of the value.
        tolerance: How far values may move, relative to 1 or to the larger of two, by the order of summation.
    """

    needs: ClassVar[Sequence[str]] = ()
    size: ClassVar[tuple[int, int]] = (20, 28)
    other_sizes: ClassVar[Sequence[tuple[int, int]]] = ((1, 1), (13, 9), (15, 53))
    perfect: ClassVar[Mapping[str, float]] = {}
    worst: ClassVar[Mapping[str, float]] = {}
    expected: ClassVar[Mapping[str, Callable[[MetricData], float]]] = {}
    tolerance: ClassVar[float] = 1e-6

    @classmethod
    def conditional_checks(cls) -> Mapping[str, bool]:
        """Checks of known values, where some are given."""
        return {
            "test_perfect_input_gives_the_values_that_are_known": bool(cls.perfect),
            "test_the_worst_input_gives_the_values_that_are_known": bool(cls.worst),
            "test_it_agrees_with_another_computation": bool(cls.expected),
            "test_a_stored_reference_gives_the_values_of_the_images_it_is_made_from": "reference" in cls.needs,
        }

    def data(self, size: tuple[int, int] | None = None) -> MetricData:
        """The same images at each call: scenes, and their translations as another domain shows them."""
        height, width = size or self.size
        source, target, _ = make_domains(("source_labels", "paired"), (height, width), count=COUNT)
        labels = source.label_batch(range(COUNT))
        generator = torch.Generator().manual_seed(0)
        wrong = torch.rand(labels.shape, generator=generator) < 0.3
        predictions = torch.where(wrong | (labels == IGNORE), 0, labels).byte()
        first = target.image_batch(range(COUNT))
        second = (first + 0.05 * torch.rand(first.shape, generator=generator)).clamp(0, 1)
        other = make_domains((), (height, width), count=COUNT, looks=(COLD, COLD)).source
        return MetricData(
            predictions,
            labels,
            source.image_batch(range(COUNT)),
            torch.stack([first, second]),
            other.image_batch(range(COUNT)),
            source.ids,
        )

    def context(self, folder: Path) -> StageContext:
        """What `start` is given, with what the metric needs and nothing else."""
        of_target = NearestColour(COLD) if "target_segmenter" in self.needs else None
        of_source = NearestColour() if "source_segmenter" in self.needs else None
        translator = _Negative() if "translator" in self.needs else None
        return StageContext(folder, source_segmenter=of_source, target_segmenter=of_target, translator=translator)

    def start_metric(self) -> Metric:
        """A new metric, started."""
        metric: Metric = self.make()
        with TemporaryDirectory() as folder:
            metric.start(CLASSES, self.context(Path(folder)))
        return metric

    def update_metric(self, data: MetricData, parts: Sequence[Sequence[int]] | None = None) -> Metric:
        """A new metric that was given data, in one batch or several, as the harness would give them."""
        metric = self.start_metric()
        batches = [data] if parts is None else [data.part(indices) for indices in parts]
        ids: list[str] = []
        for batch in batches:
            ids += batch.ids
        _feed(metric, batches, ids=ids)
        return metric

    def values(self, data: MetricData, parts: Sequence[Sequence[int]] | None = None) -> Numbers:
        """What a new metric computes from data."""
        return dict(self.update_metric(data, parts).compute())

    def test_it_declares_what_its_values_mean(self) -> None:
        """Tables rank by the direction, and print the summary."""
        metric = self.make()
        kinds = (SegmentationMetric, TranslationMetric)
        assert isinstance(metric, kinds), "expected a SegmentationMetric or a TranslationMetric"
        assert metric.values, "values: expected one Value at least, by name, but there is none"
        for name, value in metric.values.items():
            assert isinstance(value, Value), f"values['{name}']: expected a Value, but {value!r} came"
            one_line = bool(value.summary.strip()) and "\n" not in value.summary
            assert one_line, f"values['{name}'].summary: expected one line of text, but {value.summary!r} came"
            ordered = _low(value) < _high(value)
            assert ordered, f"values['{name}']: expected low < high, but they are {value.low} and {value.high}"

    def test_it_returns_the_declared_values_within_their_ranges(self) -> None:
        """A value without a declaration has no direction, and one out of its range is a mistake in either."""
        numbers = self.values(self.data())
        declared = self.make().values
        assert set(numbers) == set(declared), (
            f"compute: expected the declared values {sorted(declared)}, but {sorted(numbers)} came"
        )
        for name, number in numbers.items():
            assert isinstance(number, float), f"{name}: expected a float, but {number!r} came"
            assert math.isfinite(number), f"{name}: expected a finite number, but {number} came; raise Unavailable"
            low, high = _low(declared[name]), _high(declared[name])
            assert low <= number <= high, f"{name}: expected a value in [{low:g}, {high:g}], but {number:g} came"

    def test_values_do_not_depend_on_the_size_of_batches(self) -> None:
        """The harness chooses it by the device."""
        whole = self.values(self.data())
        for parts in SPLITS:
            sizes = ", ".join(str(len(part)) for part in parts)
            what = f"{COUNT} images at once and in batches of {sizes} (is a mean of batches taken?)"
            self._check_close(whole, self.values(self.data(), parts), what)

    def test_values_do_not_depend_on_the_order_of_images(self) -> None:
        """A data set may list its images in any order."""
        ordered = self.values(self.data())
        shuffled = self.values(self.data().part(ORDER))
        self._check_close(ordered, shuffled, "images in two orders")

    def test_the_same_evaluation_gives_the_same_values_twice(self) -> None:
        """A metric object serves one evaluation; what it gathers must not be kept in its class or module."""
        first = self.update_metric(self.data())
        self.update_metric(self.data().part((0, 1)))
        values, again, fresh = first.compute(), first.compute(), self.values(self.data())
        assert values == again, f"compute called twice: expected equal values, but {values} and {again} came"
        self._check_close(values, fresh, "two evaluations of the same images (is state kept outside the object?)")

    def test_without_any_image_it_is_unavailable(self) -> None:
        """The column then shows the reason; NaN, or a 0 that looks like a score, tells nobody."""
        came = _result_or_error(self.start_metric().compute)
        expected = isinstance(came, Unavailable) and bool(str(came).strip())
        assert expected, f"compute without update: expected Unavailable with a reason, but {_outcome_text(came)}"

    def test_labels_that_are_all_ignored_give_a_value_or_a_reason(self) -> None:
        """There are splits like that, and images without labels."""
        data = self.data()
        ignored = data._replace(labels=torch.full_like(data.labels, IGNORE))
        self._check_value_or_reason(ignored, "labels that are all IGNORE")

    def test_images_without_labels_give_a_value_or_a_reason(self) -> None:
        """The source of a scenario may have none; predictions are never scored without."""
        if isinstance(self.make(), TranslationMetric):
            self._check_outcome(_result_or_error(self._values_without_labels), "source images without labels")

    def test_images_of_any_size_give_a_value_or_a_reason(self) -> None:
        """A scenario chooses the size."""
        for size in self.other_sizes:
            self._check_value_or_reason(self.data(size), f"images of {size[0]} x {size[1]} pixels")

    def test_what_it_is_given_is_left_as_it_was(self) -> None:
        """Other metrics are given the same tensors next."""
        data = self.data()
        self.update_metric(data).compute()
        what = "tensors before and after update (does an operation in place write into them?)"
        check_equal(self.data().tensors(), data.tensors(), what)

    def test_details_are_plain_json(self) -> None:
        """They are stored in the record of the row."""
        metric = self.update_metric(self.data())
        metric.compute()
        details = metric.details()
        try:
            stored = json.loads(json.dumps(details, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise AssertionError(f"details: expected plain JSON values, but {error}; convert them") from error
        assert stored == details, f"details: expected what JSON gives back, {stored}, but {details} came"

    def test_perfect_input_gives_the_values_that_are_known(self) -> None:
        """Values that cannot be reached hide mistakes."""
        data = self.data()
        same = torch.stack([data.source, data.source])
        predictions = torch.where(data.labels == IGNORE, 0, data.labels)
        given = self.values(data._replace(predictions=predictions, variants=same, target=data.source))
        self._check_known(self.perfect, given, "perfect input")

    def test_the_worst_input_gives_the_values_that_are_known(self) -> None:
        """The lower end of a range has a meaning, too."""
        data = self.data()
        predictions = torch.where(data.labels == IGNORE, 0, (data.labels + 1) % len(CLASSES)).byte()
        negatives = torch.stack([1 - data.source, 1 - data.source])
        given = self.values(data._replace(predictions=predictions, variants=negatives))
        self._check_known(self.worst, given, "the worst input")

    def test_a_stored_reference_gives_the_values_of_the_images_it_is_made_from(self, tmp_path: Path) -> None:
        """The work on the target images is done once for all translators."""
        data = self.data()
        first: Any = self.start_metric()
        second: Any = self.start_metric()
        able = isinstance(first, HasReferenceState)
        assert able, "needs names reference, but save_reference and load_reference are not there; write them"
        first.reference(data.target)
        first.save_reference(tmp_path)
        second.load_reference(tmp_path)
        _feed(second, [data], ids=data.ids, with_target=False)
        self._check_close(self.values(data), second.compute(), "target images given, and their stored reference")

    def test_it_agrees_with_another_computation(self) -> None:
        """Definitions differ in details; naming one and comparing with it settles them."""
        known = {name: function(self.data()) for name, function in self.expected.items()}
        self._check_known(known, self.values(self.data()), "the other computation")

    def _values_without_labels(self) -> Numbers:
        metric, data = self.start_metric(), self.data()
        _feed(metric, [data], ids=data.ids, labelled=False)
        return metric.compute()

    def _check_value_or_reason(self, data: MetricData, what: str) -> None:
        self._check_outcome(_result_or_error(lambda: self.values(data)), what)

    def _check_outcome(self, came: object, what: str) -> None:
        finite = isinstance(came, Mapping) and all(math.isfinite(number) for number in came.values())
        reason = isinstance(came, Unavailable) and bool(str(came).strip())
        assert finite or reason, (
            f"{what}: expected finite values, or Unavailable with a reason, but {_outcome_text(came)}"
        )

    def _check_close(self, first: Numbers, second: Numbers, what: str) -> None:
        for name, number in first.items():
            scale = max(1.0, abs(number), abs(second[name]))
            close = abs(number - second[name]) <= self.tolerance * scale
            assert close, f"{what}: expected equal values, but {name} is {number:.9g} and {second[name]:.9g}"

    def _check_known(self, known: Mapping[str, float], given: Numbers, what: str) -> None:
        for name, number in known.items():
            assert name in given, f"{what}: '{name}' is not among the values {sorted(given)}"
            close = abs(number - given[name]) <= self.tolerance * max(1.0, abs(number))
            assert close, f"{what}: expected {name} = {number:.9g}, but {given[name]:.9g} came"


class _Negative:
    """Stands for a translator, where a metric needs one."""

    def translate(self, images: Tensor, variant: int = 0) -> Tensor:
        return 1 - images

    def inverse(self, images: Tensor) -> Tensor:
        return 1 - images


def _feed(
    metric: Metric,
    batches: Sequence[MetricData],
    *,
    ids: Sequence[str],
    labelled: bool = True,
    with_target: bool = True,
) -> None:
    """Give a metric batches in the order in which the harness does."""
    if isinstance(metric, SegmentationMetric):
        for batch in batches:
            metric.update(batch.predictions, batch.labels)
        return
    assert isinstance(metric, TranslationMetric)
    if isinstance(metric, AcceptsImageIds):
        metric.name_images(ids)
    for batch in batches if with_target else ():
        metric.reference(batch.target)
    for batch in batches:
        metric.update(batch.source, batch.variants[0], batch.labels if labelled else None)
        if isinstance(metric, VariantMetric):
            metric.update_variants(batch.variants)


def _result_or_error(action: Callable[[], Any]) -> object:
    """What an action returns or raises."""
    try:
        return action()
    except Exception as error:  # the check says which came
        return error


def _outcome_text(came: object) -> str:
    if isinstance(came, Exception):
        return f"{type(came).__name__} came: {came}" if str(came) else f"{type(came).__name__} came without a reason"
    return f"{came} came"


def _low(value: Value) -> float:
    return -math.inf if value.low is None else value.low


def _high(value: Value) -> float:
    return math.inf if value.high is None else value.high
