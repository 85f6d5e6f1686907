"""What every translator must do, as checks that its author subclasses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from benchmark.api.translator import MultiVariant, Translator
from benchmark.testing.domains import Domains
from benchmark.testing.outputs import ABILITIES, Outputs, check_close, check_form, translator_outputs, variants
from benchmark.testing.runs import WatchedContext
from benchmark.testing.trained import TrainedConformance


class TranslatorConformance(TrainedConformance):
    """The contract of a translator, checked on tiny images; subclass it under a name that starts with `Test`.

    ```python
    class TestMine(TranslatorConformance):
        needs = ("source_labels",)

        def make(self, **changes):
            return Mine(MineOptions(**{"images_seen": 8, "checkpoint_every": 3, "log_every": 1, **changes}))
    ```

    Checks that do not apply (by `learns`, `abilities`, `refused`) are removed rather than skipped. Everything runs
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
        batch_of_one: Changes to `make` that give steps of a single image; used where the translator learns. Set it
            to {} for one without an option `batch_size`.
        refused: Wrong uses: changes to `make` with which `fit` must raise a `BenchError`, and a pattern of its text.
        batch_tolerance: How far an output may move anywhere when other images share the batch.
        bf16_tolerance: How far an output may move on average when trained in bf16. Adam makes much of little in a tiny
            network: CycleGAN moves by 0.01 to 0.05 in 8 steps, and by 0.1 with another seed.
    """

    batch_tolerance: ClassVar[float] = 1e-4
    bf16_tolerance: ClassVar[float] = 0.08
    decisive: ClassVar[str] = "translate"
    known_abilities: ClassVar[Sequence[type]] = ABILITIES

    @classmethod
    def conditional_checks(cls) -> Mapping[str, bool]:
        """As for all that is trained, and the check of variants."""
        several = MultiVariant in cls.abilities
        return {**super().conditional_checks(), "test_its_variants_are_as_many_as_it_says_and_differ": several}

    def train(self, plugin: Any, domains: Domains, context: WatchedContext) -> None:
        """Fit on the source and the target images."""
        plugin.fit(domains.source, domains.target, context)

    def outputs(self, plugin: Any, images: Tensor) -> Outputs:
        """Translations, and what the abilities of the translator give."""
        return translator_outputs(plugin, images)

    def check_outputs(self, given: Outputs, images: Tensor) -> None:
        """Fail where an output is no image, or no map, of the size of the images it comes from."""
        check_form(given, images)

    def check_alone(self, alone: Outputs, together: Outputs) -> None:
        """Fail where a value moves by more than `batch_tolerance`."""
        what = "an image alone and in a batch of three (is something taken over the batch, or drawn at random?)"
        check_close(alone, together, self.batch_tolerance, what)

    def check_bf16(self, rough: Outputs, fine: Outputs) -> None:
        """Fail where an output moves by more than `bf16_tolerance` on average."""
        for name, given in rough.items():
            apart = float((given - fine[name]).abs().mean())
            assert apart <= self.bf16_tolerance, (
                f"{name} after trainings in bf16 and in fp32: expected at most {self.bf16_tolerance:g} between them on "
                f"average, but it is {apart:g} (are losses and statistics computed in float32?)"
            )

    def test_its_variants_are_as_many_as_it_says_and_differ(self) -> None:
        """Equal variants would be stored, and trained on, for nothing."""
        translator: Translator = self.uninterrupted_fit().plugin
        count = variants(translator)
        assert isinstance(count, int), f"variants: expected a whole number, but {count!r} came"
        assert count >= 1, f"variants: expected at least 1, but {count} came"
        seen: list[Tensor] = []
        for variant in range(count):
            given = translator.translate(self.images(), variant)
            same = [number for number, other in enumerate(seen) if torch.equal(given, other)]
            assert not same, f"expected {count} different variants, but variant {variant} equals variant {same[0]}"
            seen.append(given)
