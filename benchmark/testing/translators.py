"""What every translator must do, as tests that its author subclasses."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from benchmark.api.imageset import ImageSet
from benchmark.api.stage_context import Precision
from benchmark.api.translator import MultiVariant
from benchmark.errors import BenchError
from benchmark.testing.domains import COLD, Colours, Domains
from benchmark.testing.outputs import ABILITIES, Outputs, check_close, check_equal, check_form, outputs, variants
from benchmark.testing.runs import Interrupted, Place, steady_channel
from benchmark.testing.trial import Trial

BLACK: Colours = ((0, 0, 0),) * 3
ORANGE: Colours = ((200, 120, 40),) * 3

FEWEST_REPORTS = 4
"""A training that reports less often has no two different places in its middle."""


class TranslatorConformance(Trial):
    """The contract of a translator, checked on tiny images; subclass it under a name that starts with `Test`.

    ```python
    class TestMine(TranslatorConformance):
        needs = ("source_labels",)

        def make(self, **changes):
            return Mine(MineOptions(**{"images_seen": 8, "checkpoint_every": 3, "log_every": 1, **changes}))
    ```

    Checks that do not apply (by `learns`, `abilities`, `refused`) are taken away rather than skipped. Everything runs
    on the CPU. The training of `make()` is run about a dozen times: let it take some eight steps, log each of them,
    and keep its state at least twice.

    Attributes:
        needs: As in the registration.
        learns: Whether `fit` is a training by steps: it depends on the seed, can be resumed, and may run in bf16.
        abilities: The protocols that the translator fulfils, of `Invertible`, `MultiVariant`, `HasAttentionMaps`
            and `HasPixelAttention`.
        size: Height and width of training images.
        odd_size: Height and width of training images where they are to be multiples of nothing.
        other_sizes: Sizes to translate images of, beside that of training.
        batch_of_one: Changes to `make` that give steps of a single image; used where the translator learns.
        refused: Wrong uses: changes to `make` with which `fit` must raise a `BenchError`, and a pattern of its text.
        batch_tolerance: How far an output may move anywhere when other images share the batch.
        bf16_tolerance: How far an output may move on average when trained in bf16. Adam makes much of little in a tiny
            network: CycleGAN moves by 0.01 to 0.05 in 8 steps, and by 0.1 with another seed.
    """

    learns: ClassVar[bool] = True
    abilities: ClassVar[Sequence[type]] = ()
    odd_size: ClassVar[tuple[int, int]] = (21, 27)
    other_sizes: ClassVar[Sequence[tuple[int, int]]] = ((1, 1), (13, 9), (15, 53), (41, 24))
    batch_of_one: ClassVar[Mapping[str, Any]] = {"batch_size": 1}
    refused: ClassVar[Sequence[tuple[Mapping[str, Any], str]]] = ()
    batch_tolerance: ClassVar[float] = 1e-4
    bf16_tolerance: ClassVar[float] = 0.08

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Take away the checks that say nothing about this translator; pytest passes over what is no function."""
        super().__init_subclass__(**kwargs)
        applies = {OF_TRAININGS: cls.learns, OF_VARIANTS: MultiVariant in cls.abilities, OF_REFUSALS: bool(cls.refused)}
        for name, does in ((name, does) for names, does in applies.items() for name in names):
            if name not in cls.__dict__:
                setattr(cls, name, getattr(TranslatorConformance, name) if does else None)

    def test_it_has_the_abilities_that_are_declared(self) -> None:
        """An ability lost by a slip in a name would vanish from pictures and segmenters without a word."""
        translator, here = self.make(), type(self).__name__
        for ability in ABILITIES:
            has, named, word = isinstance(translator, ability), ability in self.abilities, ability.__name__
            assert has or not named, f"{here}.abilities names {word}, but the method of {word} is not there; write it"
            assert named or not has, f"the translator is {word}, but {here}.abilities does not say so; add {word} there"

    def test_images_of_any_size_keep_size_and_range(self) -> None:
        """The harness stores what comes back in place of the image."""
        for height, width in (self.size, *self.other_sizes):
            for count in (1, 2):
                images = torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(0))
                check_form(outputs(self.translator(), images), images)

    def test_images_of_one_colour_are_translated(self) -> None:
        """They have no deviation to divide by."""
        images = torch.tensor([0.0, 0.5, 1.0])[:, None, None, None].repeat(1, 3, *self.size)
        check_form(outputs(self.translator(), images), images)

    def test_an_image_gives_the_same_alone_and_among_others(self) -> None:
        """How many images are translated at once depends on the machine."""
        single = [outputs(self.translator(), image[None]) for image in self.images()]
        alone = {name: torch.cat([given[name] for given in single]) for name in single[0]}
        what = "an image alone and in a batch of three (is something taken over the batch, or drawn at random?)"
        check_close(alone, self.result(), self.batch_tolerance, what)

    def test_an_image_gives_the_same_each_time(self) -> None:
        """A stage that is run again must give what it gave."""
        first = self.result()
        outputs(self.translator(), self.images().flip(0, 3))
        what = "the same images twice, others between (what is random must be drawn in fit, and saved)"
        check_equal(first, self.result(), what)

    def test_images_to_translate_are_left_as_they_were(self) -> None:
        """Scores compare them with their translations."""
        images = self.images()
        outputs(self.translator(), images)
        what = "images before and after their translation (does an operation in place write into them?)"
        check_equal({"images": self.images()}, {"images": images}, what)

    def test_training_images_are_left_as_they_were(self) -> None:
        """All rows of a leaderboard share them."""
        for side, before, after in zip(Domains._fields, self.domains(), self.fitted().domains, strict=True):
            what = f"the {side} images before and after fit (does an operation in place write into them?)"
            check_equal(_content(before), _content(after), what)

    def test_the_same_seed_gives_the_same_result(self, tmp_path: Path) -> None:
        """A row must be one that others can compute again."""
        first = self.result()
        torch.rand(1)  # moves the global generator on, so that a fit that draws from it unseeded shows
        again = outputs(self.fit(tmp_path).translator, self.images())
        check_equal(first, again, f"two fits with seed 0 ({SEEDS})")

    def test_another_seed_gives_another_result(self, tmp_path: Path) -> None:
        """The spread over seeds is what a leaderboard's intervals are made of."""
        other = outputs(self.fit(tmp_path, seed=1).translator, self.images())
        translated = [name for name in other if name.startswith("translate")]
        assert any(not torch.equal(self.result()[name], other[name]) for name in translated), (
            f"two fits with seeds 0 and 1: expected different bits, but {', '.join(translated)} gave the same ({SEEDS})"
        )

    def test_a_loaded_translator_gives_what_the_saved_one_gave(self, tmp_path: Path) -> None:
        """Stages run in processes, and on machines, of their own."""
        (tmp_path / "saved").mkdir()
        self.translator().save(tmp_path / "saved")
        shutil.move(tmp_path / "saved", tmp_path / "moved")
        loaded = self.make()
        loaded.load(tmp_path / "moved")
        loaded.to("cpu")
        what = "a saved translator and a new one that loaded it (does save write all that fit changes?)"
        check_equal(self.result(), outputs(loaded, self.images()), what)

    def test_training_images_of_odd_size_are_taken(self, tmp_path: Path) -> None:
        """A scenario chooses the size, and not for the sake of strided layers."""
        domains = self.domains(self.odd_size)
        images = domains.source.image_batch(range(3))
        check_form(outputs(self.fit(tmp_path, domains).translator, images), images)

    def test_one_image_in_a_step_and_in_a_domain_is_enough(self, tmp_path: Path) -> None:
        """Statistics over a batch of one have no deviation."""
        changes = self.batch_of_one if self.learns else {}
        alone = self.fit(tmp_path, self.domains(count=1), **changes)
        check_form(outputs(alone.translator, self.images()), self.images())

    @pytest.mark.parametrize("looks", [(BLACK, COLD), (ORANGE, BLACK)], ids=["black-source", "orange-to-black"])
    def test_training_images_of_one_colour_leave_results_finite(
        self, tmp_path: Path, looks: tuple[Colours, Colours]
    ) -> None:
        """Broken and night images are in every data set."""
        domains = self.domains(looks=looks, noise=0)
        images = torch.cat([self.images(), domains.source.image_batch([0])])
        check_form(outputs(self.fit(tmp_path, domains).translator, images), images)

    @pytest.mark.parametrize("precision", ["fp32", "bf16"])
    def test_an_interrupted_training_ends_as_an_uninterrupted_one(self, tmp_path: Path, precision: Precision) -> None:
        """Long trainings are killed now and then; their rows must not show it."""
        reports = self.fitted(precision).reports
        channel = steady_channel(reports)
        steps = reports[channel]
        assert len(steps) >= FEWEST_REPORTS, (
            f"expected at least {FEWEST_REPORTS} calls of run.log, run.checkpoint or run.progress in a training, to "
            f"interrupt it there, but {len(steps)} came; take more steps in `make`, or log each of them"
        )
        for step in (steps[len(steps) // 2], steps[3 * len(steps) // 4]):
            self._interrupt(tmp_path, precision, Place(channel, step))
        last = self.fit(tmp_path, precision=precision)
        assert len(last.reports[channel]) < len(steps), (
            f"a training interrupted at {step:g} of {steps[-1]:g} ({channel}): expected it to go on at its last "
            "checkpoint, but it started over; keep its state more often in `make`, and look for it in fit"
        )
        check_equal(self.result(precision), outputs(last.translator, self.images()), RESUMED)

    def test_a_training_in_bf16_ends_close_to_one_in_fp32(self) -> None:
        """Those who train on other precisions still want the method they asked for."""
        rough, fine = self.result("bf16"), self.result()
        check_form(rough, self.images())
        for name, given in rough.items():
            apart = float((given - fine[name]).abs().mean())
            assert apart <= self.bf16_tolerance, (
                f"{name} after trainings in bf16 and in fp32: expected at most {self.bf16_tolerance:g} between them on "
                f"average, but it is {apart:g} (are losses and statistics computed in float32?)"
            )

    def test_its_variants_are_as_many_as_it_says_and_differ(self) -> None:
        """Equal variants would be stored, and trained on, for nothing."""
        count = variants(self.translator())
        assert isinstance(count, int), f"variants: expected a whole number, but {count!r} came"
        assert count >= 1, f"variants: expected at least 1, but {count} came"
        seen: list[Tensor] = []
        for variant in range(count):
            given = self.translator().translate(self.images(), variant)
            same = [number for number, other in enumerate(seen) if torch.equal(given, other)]
            assert not same, f"expected {count} different variants, but variant {variant} equals variant {same[0]}"
            seen.append(given)

    def test_wrong_use_is_refused_with_a_clear_error(self, tmp_path: Path) -> None:
        """Who cannot tell what to mend gives up."""
        for number, (changes, pattern) in enumerate(self.refused):
            came = self._refusal(tmp_path / str(number), changes)
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

    def _refusal(self, folder: Path, changes: Mapping[str, Any]) -> str:
        """The text of the error that fit gives, or what came instead."""
        try:
            self.fit(folder, **changes)
        except BenchError as error:
            return str(error)
        except Exception as error:  # whatever it is, it is no clear error: the check tells which came
            return f"{type(error).__name__} came: {error}"
        return "no error came"


def _content(images: ImageSet) -> Outputs:
    content = {"images": torch.from_numpy(images.images)}
    return content if images.labels is None else content | {"labels": torch.from_numpy(images.labels)}


SEEDS = "is every random number from run.generator(purpose), or from a generator seeded by it?"
RESUMED = (
    "a training interrupted twice and one that was not (a checkpoint needs all that later steps depend on: weights, "
    "optimizers, schedules, averages, pools of images, random generators)"
)

OF_TRAININGS = (
    "test_another_seed_gives_another_result",
    "test_an_interrupted_training_ends_as_an_uninterrupted_one",
    "test_a_training_in_bf16_ends_close_to_one_in_fp32",
)
OF_VARIANTS = ("test_its_variants_are_as_many_as_it_says_and_differ",)
OF_REFUSALS = ("test_wrong_use_is_refused_with_a_clear_error",)
