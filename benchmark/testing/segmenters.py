"""What every segmenter must do, as checks that its author subclasses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.api.dataset import IGNORE
from benchmark.api.imageset import ImageSet
from benchmark.api.segmenter import AdaptsStatistics, HasLogits
from benchmark.testing.domains import CLASSES, COLD, WARM, Domains, make_domains
from benchmark.testing.outputs import Outputs, check_equal
from benchmark.testing.runs import WatchedContext
from benchmark.testing.trained import TrainedConformance

PREDICT, LOGITS = "predict(images)", "logits(images)"
SAME_CLASS = 0.999
"""Share of pixels whose largest logit must be that of the predicted class; ties are rounded either way."""


class SegmenterConformance(TrainedConformance):
    """The contract of a segmenter, checked on tiny images; subclass it under a name that starts with `Test`.

    ```python
    class TestMine(SegmenterConformance):
        abilities = (HasLogits,)

        def make(self, **changes):
            return Mine(MineOptions(**{"images_seen": 8, "checkpoint_every": 3, "log_every": 1, **changes}))
    ```

    Checks that do not apply (by `learns`, `abilities`, `refused`) are removed rather than skipped. Everything runs
    on the CPU. The training of `make()` is run about a dozen times, on six images of three classes: let it take some
    eight steps, log each of them, and keep its state at least twice.

    Attributes:
        learns: Whether `fit` is a training by steps: it depends on the seed, can be resumed, and may run in bf16.
        abilities: Those of `HasLogits` and `AdaptsStatistics` that the segmenter has.
        size: Height and width of training images.
        odd_size: Height and width of training images where they are to be multiples of nothing.
        other_sizes: Sizes to predict images of, beside that of training.
        batch_of_one: Changes to `make` that give steps of a single image; used where the segmenter learns. Set it
            to {} for one without an option `batch_size`.
        refused: Wrong uses: changes to `make` with which `fit` must raise a `BenchError`, and a pattern of its text.
        batch_tolerance: Share of pixels that may be given another class when other images share the batch; also how
            far logits may move then, relative to their standard deviation.
        bf16_tolerance: Share of pixels that may be given another class after a training in bf16.
    """

    needs: ClassVar[Sequence[str]] = ("source_labels",)
    batch_tolerance: ClassVar[float] = 0.01
    bf16_tolerance: ClassVar[float] = 0.2
    known_abilities: ClassVar[Sequence[type]] = (HasLogits, AdaptsStatistics)

    @classmethod
    def conditional_checks(cls) -> Mapping[str, bool]:
        """As for all that is trained; checks of logits and of the variants that a training draws."""
        return {
            **super().conditional_checks(),
            "test_logits_agree_with_predictions": HasLogits in cls.abilities,
            "test_gradients_of_logits_reach_the_images_and_no_weight": HasLogits in cls.abilities,
            "test_adapted_statistics_are_those_of_the_images_alone": AdaptsStatistics in cls.abilities,
            "test_adapted_statistics_are_saved": AdaptsStatistics in cls.abilities,
            "test_every_variant_of_the_training_images_is_used": cls.learns,
        }

    def train(self, plugin: Any, domains: Domains, context: WatchedContext) -> None:
        """Fit on the labelled source images, with the target images at hand where they are needed."""
        needs_target = "target_images" in (*self.needs, *plugin.options.further_needs())
        plugin.fit(domains.source, domains.target if needs_target else None, domains.validation, context)

    def outputs(self, plugin: Any, images: Tensor) -> Outputs:
        """Predictions, and logits where the segmenter has them."""
        given = {PREDICT: plugin.predict(images)}
        return {**given, LOGITS: plugin.logits(images).detach()} if isinstance(plugin, HasLogits) else given

    def check_outputs(self, given: Outputs, images: Tensor) -> None:
        """Fail where predictions are no train ids, or logits not finite, of the size of the images."""
        count, _, height, width = images.shape
        forms: dict[str, tuple[torch.dtype, tuple[int, ...]]] = {
            PREDICT: (torch.uint8, (count, height, width)),
            LOGITS: (torch.float32, (count, len(CLASSES), height, width)),
        }
        for name, found in given.items():
            dtype, shape = forms[name]
            where = f"{name} of images of shape {tuple(images.shape)}"
            assert tuple(found.shape) == shape, f"{where}: expected shape {shape}, but {tuple(found.shape)} came"
            assert found.dtype is dtype, f"{where}: expected {dtype}, but {found.dtype} came"
        highest = int(given[PREDICT].max())
        assert highest < len(CLASSES), f"{PREDICT}: expected train ids below {len(CLASSES)}, but {highest} came" + (
            f" ({IGNORE} stands in labels alone; a prediction is always a class)" if highest == IGNORE else ""
        )
        if LOGITS in given:
            broken = int((~torch.isfinite(given[LOGITS])).sum())
            total = given[LOGITS].numel()
            assert not broken, f"{LOGITS}: expected finite values, but {broken} of {total} are NaN or infinite"

    def check_alone(self, alone: Outputs, together: Outputs) -> None:
        """Fail where too many pixels change their class, or logits move too far."""
        what = "an image alone and in a batch of three (is the network in evaluation mode in predict and logits?)"
        share = _share_that_differs(alone[PREDICT], together[PREDICT])
        limit = self.batch_tolerance
        assert share <= limit, f"{what}: expected at most {limit:.1%} of pixels to change class, but {share:.1%} do"
        if LOGITS in alone:
            spread = float(together[LOGITS].std()) or 1.0
            apart = float((alone[LOGITS] - together[LOGITS]).abs().max()) / spread
            assert apart <= limit, (
                f"{what}: expected logits at most {limit:g} standard deviations apart, but they are {apart:g} apart"
            )

    def check_bf16(self, rough: Outputs, fine: Outputs) -> None:
        """Fail where too many pixels change their class."""
        share = _share_that_differs(rough[PREDICT], fine[PREDICT])
        assert share <= self.bf16_tolerance, (
            f"{PREDICT} after trainings in bf16 and in fp32: expected at most {self.bf16_tolerance:.0%} of pixels to "
            f"change class, but {share:.0%} do (are losses and statistics computed in float32?)"
        )

    def test_logits_agree_with_predictions(self) -> None:
        """A loss on logits is to be one on what the segmenter predicts."""
        given = self.result()
        share = 1 - _share_that_differs(given[LOGITS].argmax(1).byte(), given[PREDICT])
        assert share >= SAME_CLASS, (
            f"{LOGITS}: expected the largest one to be that of the predicted class, but it is in {share:.1%} of pixels"
        )

    def test_gradients_of_logits_reach_the_images_and_no_weight(self) -> None:
        """A translator learns through them; the segmenter it is lent must stay what it was."""
        segmenter = self.uninterrupted_fit().plugin
        before = self.result()
        modules = [value for value in vars(segmenter).values() if isinstance(value, nn.Module)]
        for module in modules:
            module.zero_grad(set_to_none=True)  # the last step of a training may have left gradients
        images = self.images().requires_grad_()
        logits = segmenter.logits(images)
        assert logits.requires_grad, f"{LOGITS}: expected a gradient to the images, but there is none (no_grad inside?)"
        logits.square().sum().backward()
        reached = images.grad is not None and bool((images.grad.abs().amax((1, 2, 3)) > 0).all())
        assert reached, f"{LOGITS}: expected a gradient to every image, but there is none, or it is zero"
        touched: list[str] = []
        for module in modules:
            touched += [name for name, weight in module.named_parameters() if weight.grad is not None]
        assert not touched, f"{LOGITS}: expected no gradient to the network's weights, but {touched[0]} has one"
        check_equal(before, self.result(), "outputs before and after a backward pass (does logits update statistics?)")

    def test_adapted_statistics_are_those_of_the_images_alone(self, tmp_path: Path) -> None:
        """Neither labels nor the statistics before count, so that a row is one that others can compute again."""
        target = self.domains().target
        sets = {
            "target": [target],
            "source": [self.domains().source.without_labels()],
            "target after source": [self.domains().source.without_labels(), self.domains().target],
            "target with labels": [_with_labels(self.domains().target)],
        }
        given = {}
        for name, images in sets.items():
            given[name] = self.outputs(self._adapted(tmp_path / name, images), self.images())
            self.check_outputs(given[name], self.images())
        check_equal(_pixels(self.domains().target), _pixels(target), "target images before and after adapt_statistics")
        what = "statistics adapted to the target images, and the same"
        check_equal(given["target"], given["target after source"], f"{what} after others (are old ones left?)")
        check_equal(given["target"], given["target with labels"], f"{what} with labels (are they used?)")
        same = [name for name in given["target"] if torch.equal(given["target"][name], given["source"][name])]
        assert len(same) < len(given["target"]), (
            "statistics adapted to target and to source images: expected different outputs, but they are equal"
        )

    def test_adapted_statistics_are_saved(self, tmp_path: Path) -> None:
        """They are adapted in one stage, and predicted with in another."""
        adapted = self._adapted(tmp_path / "adapted", [self.domains().target])
        loaded = self._loaded(adapted, tmp_path / "saved")
        what = "a segmenter after adapt_statistics and a new one that loaded it (does save write the statistics?)"
        check_equal(self.outputs(adapted, self.images()), self.outputs(loaded, self.images()), what)

    def test_labels_of_the_target_are_not_used(self, tmp_path: Path) -> None:
        """Only the oracle may know them, and it gets them as its training set."""
        domains = self.domains()
        labelled = domains._replace(target=_with_labels(domains.target))
        given = self.outputs(self.fit(tmp_path, labelled).plugin, self.images())
        check_equal(self.result(), given, "fits with a target set without labels and with labels (are they used?)")

    def test_a_training_image_of_ignored_pixels_leaves_results_finite(self, tmp_path: Path) -> None:
        """A mean over no pixel is NaN, and one step with it would spoil all weights."""
        domains = self.domains()
        assert domains.source.labels is not None
        labels = domains.source.labels.copy()
        labels[::2] = IGNORE
        source = ImageSet(domains.source.images, labels, domains.source.ids, CLASSES)
        changes = self.batch_of_one if self.learns else {}
        fitted = self.fit(tmp_path, domains._replace(source=source), **changes)
        self.check_outputs(self.outputs(fitted.plugin, self.images()), self.images())

    def test_a_validation_set_is_taken_and_left_as_it_was(self, tmp_path: Path) -> None:
        """A scenario may want the checkpoint that is best on one."""
        domains = self.domains()._replace(validation=self._validation())
        fitted = self.fit(tmp_path, domains)
        self.check_outputs(self.outputs(fitted.plugin, self.images()), self.images())
        assert fitted.domains.validation is not None
        before, after = self._validation(), fitted.domains.validation
        for name in ("images", "labels"):
            same = np.array_equal(getattr(before, name), getattr(after, name))
            assert same, f"the validation {name} before and after fit: expected equal bits, but they differ"

    def test_every_variant_of_the_training_images_is_used(self, tmp_path: Path) -> None:
        """A translator with several variants is to be worth it."""
        domains = self.domains()
        images = domains.source.images
        results = []
        for number, second in enumerate((images, 255 - images)):
            stacked = np.concatenate([images, second])
            source = ImageSet(stacked, domains.source.labels, domains.source.ids, CLASSES)
            fitted = self.fit(tmp_path / str(number), domains._replace(source=source))
            results.append(self.outputs(fitted.plugin, self.images()))
        same = [name for name in results[0] if torch.equal(results[0][name], results[1][name])]
        assert len(same) < len(results[0]), (
            "fits on sets whose second variants differ: expected different results, but they are equal; draw a variant "
            "anew for each image in each epoch (train.variants, train.image_batch(indices, variant))"
        )

    def _adapted(self, folder: Path, sets: Sequence[ImageSet]) -> Any:
        """A copy of the trained segmenter, adapted to image sets one after the other."""
        segmenter = self._loaded(self.uninterrupted_fit().plugin, folder)
        for images in sets:
            segmenter.adapt_statistics(images, WatchedContext(folder))
        return segmenter

    def _loaded(self, segmenter: Any, folder: Path) -> Any:
        """A new segmenter that loaded what another saved."""
        folder.mkdir()
        segmenter.save(folder)
        loaded = self.make()
        loaded.load(folder)
        loaded.to("cpu")
        return loaded

    def _validation(self) -> ImageSet:
        """Labelled images in colours of the target."""
        return make_domains(self.needs, self.size, count=2, looks=(COLD, WARM)).source


def _with_labels(images: ImageSet) -> ImageSet:
    """The same images with random labels."""
    labels = np.random.default_rng(0).integers(0, len(CLASSES), images.images.shape[1:4], dtype=np.uint8)
    return ImageSet(images.images, labels, images.ids, CLASSES)


def _pixels(images: ImageSet) -> Outputs:
    return {"images": torch.from_numpy(images.images)}


def _share_that_differs(first: Tensor, second: Tensor) -> float:
    return float((first != second).float().mean())
