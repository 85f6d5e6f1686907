"""Checks that translators and segmenters share: both are fitted, saved, loaded, and resumed after a kill."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, NamedTuple

import pytest
import torch
from torch import Tensor

from benchmark.api.imageset import ImageSet
from benchmark.api.stage_context import Precision
from benchmark.testing.domains import COLD, Colours, Domains, make_domains
from benchmark.testing.nearest_colour import NearestColour
from benchmark.testing.outputs import Outputs, check_equal
from benchmark.testing.runs import Channel, Interrupted, Place, WatchedContext, steady_channel
from benchmark.testing.suite import ConformanceSuite, error_of

BLACK: Colours = ((0, 0, 0),) * 3
ORANGE: Colours = ((200, 120, 40),) * 3

FEWEST_REPORTS = 4
"""A training that reports less often has no two different places in its middle."""

SEEDS = "is every random number from context.generator(purpose), or from a generator seeded by it?"
RESUMED = (
    "a training interrupted twice and one that was not (a checkpoint needs all that later steps depend on: weights, "
    "optimizers, schedules, averages, pools of images, random generators)"
)


class Fitted(NamedTuple):
    """A plugin after `fit`, what it was fitted on, and what its context noted."""

    plugin: Any
    domains: Domains
    reports: Mapping[Channel, Sequence[float]]


_FITTED: dict[tuple[type, Precision], Fitted] = {}
"""By suite and precision: most checks look at the same training."""


class TrainedConformance(ConformanceSuite):
    """What `TranslatorConformance` and `SegmenterConformance` have in common; they describe the attributes.

    Attributes:
        decisive: How the names of the outputs start of which one at least must depend on the seed.
        known_abilities: The protocols that plugins of this kind may fulfil.
    """

    needs: ClassVar[Sequence[str]] = ()
    size: ClassVar[tuple[int, int]] = (20, 28)
    odd_size: ClassVar[tuple[int, int]] = (21, 27)
    other_sizes: ClassVar[Sequence[tuple[int, int]]] = ((1, 1), (13, 9), (15, 53), (41, 24))
    learns: ClassVar[bool] = True
    abilities: ClassVar[Sequence[type]] = ()
    batch_of_one: ClassVar[Mapping[str, Any]] = {"batch_size": 1}
    refused: ClassVar[Sequence[tuple[Mapping[str, Any], str]]] = ()
    decisive: ClassVar[str] = ""
    known_abilities: ClassVar[Sequence[type]] = ()

    @classmethod
    def conditional_checks(cls) -> Mapping[str, bool]:
        """Checks of trainings, and of wrong uses where some are given."""
        of_trainings = (
            "test_another_seed_gives_another_result",
            "test_an_interrupted_training_ends_as_an_uninterrupted_one",
            "test_a_training_in_bf16_ends_close_to_one_in_fp32",
        )
        return dict.fromkeys(of_trainings, cls.learns) | {
            "test_wrong_use_is_refused_with_a_clear_error": bool(cls.refused)
        }

    def train(self, plugin: Any, domains: Domains, context: WatchedContext) -> None:
        """Call the plugin's `fit` as the harness would."""
        raise NotImplementedError

    def outputs(self, plugin: Any, images: Tensor) -> Outputs:
        """All that a fitted plugin gives for images, by the call that gives it."""
        raise NotImplementedError

    def check_outputs(self, given: Outputs, images: Tensor) -> None:
        """Fail where an output has not the form that the contract says."""
        raise NotImplementedError

    def check_alone(self, alone: Outputs, together: Outputs) -> None:
        """Fail where outputs of images in batches of one are far from those in one batch."""
        raise NotImplementedError

    def check_bf16(self, rough: Outputs, fine: Outputs) -> None:
        """Fail where outputs after a training in bf16 are far from those after one in fp32."""
        raise NotImplementedError

    def domains(self, size: tuple[int, int] | None = None, **kind: Any) -> Domains:
        """What to train on, always the same; `kind` as in `make_domains`."""
        return make_domains(self.needs, size or self.size, **kind)

    def images(self) -> Tensor:
        """Three source images."""
        return self.domains().source.image_batch(range(3))

    def fit(
        self,
        folder: Path,
        domains: Domains | None = None,
        *,
        seed: int = 0,
        precision: Precision = "fp32",
        stop_at: Place | None = None,
        **changes: Any,
    ) -> Fitted:
        """Fit a new plugin in a folder; `Interrupted` when it comes to `stop_at`."""
        folder.mkdir(exist_ok=True)
        domains = domains or self.domains()
        segmenter = NearestColour() if "source_segmenter" in self.needs else None
        context = WatchedContext(folder, seed=seed, precision=precision, source_segmenter=segmenter, stop_at=stop_at)
        plugin = self.make(**changes)
        self.train(plugin, domains, context)
        return Fitted(plugin, domains, context.reports)

    def uninterrupted_fit(self, precision: Precision = "fp32") -> Fitted:
        """The uninterrupted training of `make()` with seed 0, done once; its scratch folder is gone."""
        key = type(self), precision
        if key not in _FITTED:
            with TemporaryDirectory() as folder:
                _FITTED[key] = self.fit(Path(folder), precision=precision)
        return _FITTED[key]

    def result(self, precision: Precision = "fp32") -> Outputs:
        """All that the plugin of `uninterrupted_fit` gives for `images`."""
        return self.outputs(self.uninterrupted_fit(precision).plugin, self.images())

    def test_it_has_the_abilities_that_are_declared(self) -> None:
        """An ability lost by a slip in a name would vanish from pictures and other plugins without a word."""
        plugin, suite = self.make(), type(self).__name__
        for ability in self.known_abilities:
            word = ability.__name__
            has = isinstance(plugin, ability)
            declared = ability in self.abilities
            assert has or not declared, f"{suite}.abilities names {word}, but the method of {word} is not there"
            assert declared or not has, f"it is {word}, but {suite}.abilities does not say so; add {word} there"

    def test_images_of_any_size_are_taken(self) -> None:
        """What comes back is stored in place of the image, or compared with its labels."""
        for height, width in (self.size, *self.other_sizes):
            for count in (1, 2):
                generator = torch.Generator().manual_seed(0)
                images = torch.rand(count, 3, height, width, generator=generator)
                outputs = self.outputs(self.uninterrupted_fit().plugin, images)
                self.check_outputs(outputs, images)

    def test_images_of_one_colour_are_taken(self) -> None:
        """They have no deviation to divide by."""
        images = torch.tensor([0.0, 0.5, 1.0])[:, None, None, None].repeat(1, 3, *self.size)
        self.check_outputs(self.outputs(self.uninterrupted_fit().plugin, images), images)

    def test_an_image_gives_the_same_alone_and_among_others(self) -> None:
        """How many images are taken at once depends on the machine."""
        plugin = self.uninterrupted_fit().plugin
        single = [self.outputs(plugin, image[None]) for image in self.images()]
        alone = {}
        for name in single[0]:
            parts = [outputs[name] for outputs in single]
            alone[name] = torch.cat(parts)
        self.check_alone(alone, self.result())

    def test_an_image_gives_the_same_each_time(self) -> None:
        """A stage that is run again must give what it gave."""
        first = self.result()
        self.outputs(self.uninterrupted_fit().plugin, self.images().flip(0, 3))
        what = "the same images twice, others between (what is random must be drawn in fit, and saved)"
        check_equal(first, self.result(), what)

    def test_images_given_to_it_are_left_as_they_were(self) -> None:
        """Scores compare them with what came of them."""
        images = self.images()
        self.outputs(self.uninterrupted_fit().plugin, images)
        what = "images before and after they were given to it (does an operation in place write into them?)"
        check_equal({"images": self.images()}, {"images": images}, what)

    def test_training_images_are_left_as_they_were(self) -> None:
        """All rows of a leaderboard share them."""
        for side, before, after in zip(Domains._fields, self.domains(), self.uninterrupted_fit().domains, strict=True):
            what = f"the {side} images before and after fit (does an operation in place write into them?)"
            check_equal(_content(before), _content(after), what)

    def test_the_same_seed_gives_the_same_result(self, tmp_path: Path) -> None:
        """A row must be one that others can compute again."""
        first = self.result()
        torch.rand(1)  # moves the global generator on, so that a fit that draws from it unseeded shows
        again = self.outputs(self.fit(tmp_path).plugin, self.images())
        check_equal(first, again, f"two fits with seed 0 ({SEEDS})")

    def test_another_seed_gives_another_result(self, tmp_path: Path) -> None:
        """The spread over seeds is what a leaderboard's intervals are made of."""
        # Noise besides scenes: networks that have learnt the scenes well agree on them.
        noise = torch.rand(3, 3, *self.size, generator=torch.Generator().manual_seed(0))
        images = torch.cat([self.images(), noise])
        first = self.outputs(self.uninterrupted_fit().plugin, images)
        other = self.outputs(self.fit(tmp_path, seed=1).plugin, images)
        compared = [name for name in other if name.startswith(self.decisive)]
        assert any(not torch.equal(first[name], other[name]) for name in compared), (
            f"two fits with seeds 0 and 1: expected different bits, but {', '.join(compared)} gave the same ({SEEDS})"
        )

    def test_a_loaded_plugin_gives_what_the_saved_one_gave(self, tmp_path: Path) -> None:
        """Stages run in processes, and on machines, of their own."""
        (tmp_path / "saved").mkdir()
        self.uninterrupted_fit().plugin.save(tmp_path / "saved")
        shutil.move(tmp_path / "saved", tmp_path / "moved")
        loaded = self.make()
        loaded.load(tmp_path / "moved")
        loaded.to("cpu")
        what = "a saved plugin and a new one that loaded it (does save write all that fit changes?)"
        check_equal(self.result(), self.outputs(loaded, self.images()), what)

    def test_training_images_of_odd_size_are_taken(self, tmp_path: Path) -> None:
        """A scenario chooses the size, and not for the sake of strided layers."""
        domains = self.domains(self.odd_size)
        images = domains.source.image_batch(range(3))
        self.check_outputs(self.outputs(self.fit(tmp_path, domains).plugin, images), images)

    def test_one_image_in_a_step_and_in_a_domain_is_enough(self, tmp_path: Path) -> None:
        """Statistics over a batch of one have no deviation."""
        changes = self.batch_of_one if self.learns else {}
        alone = self.fit(tmp_path, self.domains(count=1), **changes)
        self.check_outputs(self.outputs(alone.plugin, self.images()), self.images())

    @pytest.mark.parametrize("looks", [(BLACK, COLD), (ORANGE, BLACK)], ids=["black-source", "orange-to-black"])
    def test_training_images_of_one_colour_leave_results_finite(
        self, tmp_path: Path, looks: tuple[Colours, Colours]
    ) -> None:
        """Broken and night images are in every data set."""
        domains = self.domains(looks=looks, noise=0)
        images = torch.cat([self.images(), domains.source.image_batch([0])])
        self.check_outputs(self.outputs(self.fit(tmp_path, domains).plugin, images), images)

    @pytest.mark.parametrize("precision", ["fp32", "bf16"])
    def test_an_interrupted_training_ends_as_an_uninterrupted_one(self, tmp_path: Path, precision: Precision) -> None:
        """Long trainings are killed now and then; their rows must not show it."""
        reports = self.uninterrupted_fit(precision).reports
        channel = steady_channel(reports)
        steps = reports[channel]
        assert len(steps) >= FEWEST_REPORTS, (
            f"expected at least {FEWEST_REPORTS} calls of context.log, context.checkpoint or context.progress in a "
            f"training, to interrupt it there, but {len(steps)} came; take more steps in `make`, or log each of them"
        )
        for step in (steps[len(steps) // 2], steps[3 * len(steps) // 4]):
            self._interrupt(tmp_path, precision, Place(channel, step))
        last = self.fit(tmp_path, precision=precision)
        assert len(last.reports[channel]) < len(steps), (
            f"a training interrupted at {step:g} of {steps[-1]:g} ({channel}): expected it to go on at its last "
            "checkpoint, but it started over; keep its state more often in `make`, and look for it in fit"
        )
        check_equal(self.result(precision), self.outputs(last.plugin, self.images()), RESUMED)

    def test_a_training_in_bf16_ends_close_to_one_in_fp32(self) -> None:
        """Those who train on other precisions still want the method they asked for."""
        rough = self.result("bf16")
        self.check_outputs(rough, self.images())
        self.check_bf16(rough, self.result())

    def test_wrong_use_is_refused_with_a_clear_error(self, tmp_path: Path) -> None:
        """An error must say what to change."""
        for number, (changes, pattern) in enumerate(self.refused):
            came = error_of(partial(self.fit, tmp_path / str(number), **changes))
            assert re.search(pattern, came), f"fit with {dict(changes)}: expected a BenchError '{pattern}', but {came}"

    def _interrupt(self, folder: Path, precision: Precision, place: Place) -> None:
        try:
            self.fit(folder, precision=precision, stop_at=place)
        except Interrupted:
            return
        raise AssertionError(
            f"a training to be interrupted at {place.number:g} ({place.channel}): expected it to come by there, but it "
            "ended before; what an earlier interruption left made it leave steps out"
        )


def _content(images: ImageSet | None) -> Outputs:
    if images is None:
        return {}
    content = {"images": torch.from_numpy(images.images)}
    return content if images.labels is None else content | {"labels": torch.from_numpy(images.labels)}
