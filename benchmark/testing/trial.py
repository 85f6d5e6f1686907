"""How a translator under test is made, and fitted as the harness would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, NamedTuple

from torch import Tensor

from benchmark.api.stage_context import Precision
from benchmark.api.translator import Translator
from benchmark.testing.domains import Domains, make_domains
from benchmark.testing.nearest_colour import NearestColour
from benchmark.testing.outputs import Outputs, outputs
from benchmark.testing.runs import Channel, Place, WatchedRun


class Fitted(NamedTuple):
    """A translator after `fit`, what it was fitted on, and what its run noted."""

    translator: Translator
    domains: Domains
    reports: Mapping[Channel, Sequence[float]]


_FITTED: dict[tuple[type, Precision], Fitted] = {}
"""By suite and precision: most checks look at the same training."""


class Trial:
    """What a suite must know of a translator; `TranslatorConformance` says what each attribute is."""

    needs: ClassVar[Sequence[str]] = ()
    size: ClassVar[tuple[int, int]] = (20, 28)

    def make(self, **changes: Any) -> Translator:
        """A new translator with the tiniest options, some of them changed."""
        raise NotImplementedError(
            f"{type(self).__name__}: expected a method make(self, **changes) that returns a new translator; write one"
        )

    def domains(self, size: tuple[int, int] | None = None, **kind: Any) -> Domains:
        """What to train on, always the same; `kind` as in `make_domains`."""
        return make_domains(self.needs, size or self.size, **kind)

    def images(self) -> Tensor:
        """Three source images to translate."""
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
        """Fit a new translator in a folder; `Interrupted` when it comes to `stop_at`."""
        folder.mkdir(exist_ok=True)
        domains = domains or self.domains()
        segmenter = NearestColour() if "source_segmenter" in self.needs else None
        context = WatchedRun(folder, seed=seed, precision=precision, source_segmenter=segmenter, stop_at=stop_at)
        translator = self.make(**changes)
        translator.fit(*domains, context)
        return Fitted(translator, domains, context.reports)

    def fitted(self, precision: Precision = "fp32") -> Fitted:
        """The uninterrupted training of `make()` with seed 0, done once; its scratch folder is gone."""
        key = type(self), precision
        if key not in _FITTED:
            with TemporaryDirectory() as folder:
                _FITTED[key] = self.fit(Path(folder), precision=precision)
        return _FITTED[key]

    def translator(self) -> Translator:
        """That of `fitted`."""
        return self.fitted().translator

    def result(self, precision: Precision = "fp32") -> Outputs:
        """All that the translator of `fitted` gives for `images`."""
        return outputs(self.fitted(precision).translator, self.images())
