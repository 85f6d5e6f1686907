"""The stages of one cell, from prepared data to scores; equal stages of several cells are one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from benchmark.api.scenario import Scenario, Side
from benchmark.api.spec import CEILING, FLOOR, TARGET_STATISTICS
from benchmark.config.matrix import SEGMENTER_SEED_STEP
from benchmark.plan.data_sources import DataSources
from benchmark.plan.keys import compute_identity, content_key, without_runtime_options
from benchmark.plan.model import Stage
from benchmark.plan.plugins import MatrixPlugins, ResolvedPlugin
from benchmark.plan.stage_kinds import (
    ADAPT_SEGMENTER,
    FIT_SEGMENTER,
    FIT_TRANSLATOR,
    HELD_OUT,
    METRICS_SOURCE_SEGMENTER,
    PREDICT,
    PREDICT_SOURCE,
    PREPARE,
    REFERENCE,
    SCORE_SEGMENTATION,
    SCORE_SEGMENTATION_NATIVE,
    SCORE_SEGMENTATION_SOURCE,
    SCORE_TRANSLATION,
    SOURCE_SEGMENTER,
    STAGE_KINDS,
    TARGET_SEGMENTER,
    TRANSLATE,
    Role,
)


class ChainBuilder:
    """Collects the stages of a matrix, cell by cell.

    Args:
        plugins: Those of the matrix.
        data: Its data sets.
        code_of: Digests of the packages that a stage of a specification runs.

    Attributes:
        stages: By key; a stage stands behind its inputs.
    """

    def __init__(
        self, plugins: MatrixPlugins, data: DataSources, code_of: Callable[[Mapping[str, Any]], dict[str, str]]
    ) -> None:
        self.stages: dict[str, Stage] = {}
        self._plugins = plugins
        self._data = data
        self._code_of = code_of
        self._compute = compute_identity(plugins.matrix)

    def chain(
        self,
        scenario: Scenario,
        translator: ResolvedPlugin,
        segmenter: ResolvedPlugin,
        seed: int,
        segmenter_seed: int = 0,
    ) -> dict[Role, str]:
        """Keys of the stages of one cell, by role."""
        chain: dict[Role, str] = {}
        # equal to the translator's for the first segmenter, which is all that most matrices have
        training_seed = seed + segmenter_seed * SEGMENTER_SEED_STEP
        if translator.is_control:
            chain[Role(FIT_SEGMENTER)] = self._fit_control(scenario, segmenter, translator.alias, training_seed)
        else:
            chain |= self._translation(scenario, translator, seed)
            train, held_out = chain[Role(TRANSLATE)], chain.get(HELD_OUT)
            chain[Role(FIT_SEGMENTER)] = self._fit_segmenter(scenario, segmenter, train, held_out, training_seed)
        trained = chain[Role(FIT_SEGMENTER)]
        if translator.alias == TARGET_STATISTICS:
            trained = self._adapt_segmenter(scenario, segmenter, trained, training_seed)
            chain[Role(ADAPT_SEGMENTER)] = trained
        chain |= self._evaluation(scenario, segmenter, trained, training_seed)
        if self._plugins.matrix.source_scores and translator.alias != CEILING:
            held_out = chain.get(HELD_OUT) or self._split(scenario, scenario.source, "test")
            chain |= self._source_evaluation(segmenter, trained, held_out, training_seed)
        return chain

    def _evaluation(self, scenario: Scenario, segmenter: ResolvedPlugin, trained: str, seed: int) -> dict[Role, str]:
        """The stages that predict the target test split and measure the predictions, by role."""
        chain: dict[Role, str] = {}
        test = self._split(scenario, scenario.target, "test")
        inputs = {"segmenter": trained, "test": test}
        predictions = self._add(PREDICT, segmenter.alias, {"segmenter": segmenter.identity}, inputs, seed)
        chain[Role(PREDICT)] = predictions
        groups = {"group": scenario.target.group} if scenario.target.group else {}
        for metric in self._plugins.metrics_over("segmentation"):
            inputs = {"predictions": predictions, "test": test}
            spec = {"metric": metric.identity, **groups}
            scored = self._add(SCORE_SEGMENTATION, metric.alias, spec, inputs, seed)
            chain[Role(SCORE_SEGMENTATION, metric.alias)] = scored
            if scenario.evaluate == "native":
                spec = {"metric": metric.identity, **self._split_identity(scenario.target, scenario.target.test)}
                scored = self._add(SCORE_SEGMENTATION_NATIVE, metric.alias, spec, inputs, seed)
                chain[Role(SCORE_SEGMENTATION_NATIVE, metric.alias)] = scored
        return chain

    def _source_evaluation(self, segmenter: ResolvedPlugin, trained: str, held_out: str, seed: int) -> dict[Role, str]:
        """The stages that measure a segmenter on held-out source images, by role."""
        inputs = {"segmenter": trained, "test": held_out}
        predictions = self._add(PREDICT, segmenter.alias, {"segmenter": segmenter.identity}, inputs, seed)
        chain = {PREDICT_SOURCE: predictions}
        for metric in self._plugins.metrics_over("segmentation"):
            inputs = {"predictions": predictions, "test": held_out}
            spec = {"metric": metric.identity}
            scored = self._add(SCORE_SEGMENTATION_SOURCE, metric.alias, spec, inputs, seed)
            chain[Role(SCORE_SEGMENTATION_SOURCE, metric.alias)] = scored
        return chain

    def _translation(self, scenario: Scenario, translator: ResolvedPlugin, seed: int) -> dict[Role, str]:
        """The stages that make translations and measure them, by role."""
        source = scenario.source
        chain: dict[Role, str] = {}
        if translator.needs("source_segmenter"):
            chain[SOURCE_SEGMENTER] = self._fit_control(scenario, self._plugins.auxiliary_segmenter, FLOOR, seed)
        auxiliary_segmenter = chain.get(SOURCE_SEGMENTER)
        fitted = self._fit_translator(scenario, translator, auxiliary_segmenter, seed)
        chain[Role(FIT_TRANSLATOR)] = fitted
        chain[Role(TRANSLATE)] = self._translate(translator, fitted, self._split(scenario, source, "train"), seed)
        held_out_is_used = scenario.score_translations == "test" or scenario.checkpoint == "source-val"
        if held_out_is_used or self._plugins.matrix.source_scores:
            chain[HELD_OUT] = self._translate(translator, fitted, self._split(scenario, source, "test"), seed)
        metrics = self._plugins.metrics_over("translation")
        if any(metric.needs("target_segmenter") for metric in metrics):
            chain[TARGET_SEGMENTER] = self._fit_control(scenario, self._plugins.auxiliary_segmenter, CEILING, seed)
        if any(metric.needs("source_segmenter") for metric in metrics):
            floor = self._fit_control(scenario, self._plugins.auxiliary_segmenter, FLOOR, seed)
            chain[METRICS_SOURCE_SEGMENTER] = floor
        for metric in metrics:
            scored = self._score_translation(scenario, translator, metric, chain, seed)
            chain[Role(SCORE_TRANSLATION, metric.alias)] = scored
        return chain

    def _fit_translator(
        self, scenario: Scenario, translator: ResolvedPlugin, auxiliary_segmenter: str | None, seed: int
    ) -> str:
        spec = {"translator": translator.identity, "seed": seed, "compute": self._compute}
        inputs = {
            "source": self._split(scenario, scenario.source, "train"),
            "target": self._split(scenario, scenario.target, "train"),
        }
        if auxiliary_segmenter is not None:
            spec["auxiliary_segmenter"] = self._plugins.auxiliary_segmenter.identity
            inputs["segmenter"] = auxiliary_segmenter
        return self._add(FIT_TRANSLATOR, translator.alias, spec, inputs, seed)

    def _translate(self, translator: ResolvedPlugin, fitted: str, source: str, seed: int) -> str:
        inputs = {"translator": fitted, "source": source}
        spec: dict[str, Any] = {"translator": translator.identity}
        if translator.config.output != "target":  # keys of all others do not depend on this field
            spec["output"] = translator.config.output
        return self._add(TRANSLATE, translator.alias, spec, inputs, seed)

    def _score_translation(
        self,
        scenario: Scenario,
        translator: ResolvedPlugin,
        metric: ResolvedPlugin,
        chain: Mapping[Role, str],
        seed: int,
    ) -> str:
        """Measure the training translations, or those of the source test split against the target's."""
        split = scenario.score_translations
        spec: dict[str, Any] = {"metric": metric.identity}
        inputs = {
            "source": self._split(scenario, scenario.source, split),
            "translated": chain[Role(TRANSLATE) if split == "train" else HELD_OUT],
        }
        target = self._split(scenario, scenario.target, split)
        if metric.needs("reference"):
            # Neither translator nor seed has a part in it: one stage for all cells of the scenario.
            inputs["reference"] = self._add(REFERENCE, metric.alias, {"metric": metric.identity}, {"target": target})
        else:
            inputs["target"] = target
        if metric.needs("target_segmenter"):
            spec["auxiliary_segmenter"] = self._plugins.auxiliary_segmenter.identity
            inputs["segmenter"] = chain[TARGET_SEGMENTER]
        if metric.needs("source_segmenter"):
            spec["auxiliary_segmenter"] = self._plugins.auxiliary_segmenter.identity
            inputs["source_segmenter"] = chain[METRICS_SOURCE_SEGMENTER]
        if metric.needs("translator"):
            spec["translator"] = translator.identity
            inputs["translator"] = chain[Role(FIT_TRANSLATOR)]
        return self._add(SCORE_TRANSLATION, metric.alias, spec, inputs, seed)

    def _fit_control(self, scenario: Scenario, segmenter: ResolvedPlugin, control: str, seed: int) -> str:
        """The training of a control row, which is also that of an auxiliary segmenter.

        Source images say nothing about a model of the target: under `source-val`, the oracle keeps its last weights.
        """
        side = scenario.target if control == CEILING else scenario.source
        by_source = scenario.checkpoint == "source-val" and control != CEILING
        held_out = self._split(scenario, side, "test") if by_source else None
        return self._fit_segmenter(scenario, segmenter, self._split(scenario, side, "train"), held_out, seed)

    def _fit_segmenter(
        self, scenario: Scenario, segmenter: ResolvedPlugin, train: str, held_out: str | None, seed: int
    ) -> str:
        """Train on one labelled set; under `source-val`, `held_out` chooses the checkpoint."""
        inputs = {"train": train}
        if segmenter.needs("target_images"):
            inputs["target"] = self._split(scenario, scenario.target, "train")
        if scenario.checkpoint == "oracle-val":
            inputs["validation"] = self._split(scenario, scenario.target, "test")
        if scenario.checkpoint == "source-val" and held_out is not None:
            inputs["validation"] = held_out
        spec = {"segmenter": segmenter.identity, "seed": seed, "compute": self._compute}
        return self._add(FIT_SEGMENTER, segmenter.alias, spec, inputs, seed)

    def _adapt_segmenter(self, scenario: Scenario, segmenter: ResolvedPlugin, trained: str, seed: int) -> str:
        """Give a trained segmenter the normalisation statistics of target training images."""
        inputs = {"segmenter": trained, "target": self._split(scenario, scenario.target, "train")}
        spec = {"segmenter": segmenter.identity, "compute": self._compute}
        return self._add(ADAPT_SEGMENTER, segmenter.alias, spec, inputs, seed)

    def _split(self, scenario: Scenario, side: Side, role: Literal["train", "test"]) -> str:
        """One split of one side, prepared."""
        split = side.train if role == "train" else side.test
        spec = {**self._split_identity(side, split), "size": list(scenario.size)}
        return self._add(PREPARE, side.dataset, spec, {})

    def _split_identity(self, side: Side, split: str) -> dict[str, Any]:
        """A split of a data set as its files are."""
        fingerprint = self._data.fingerprint(side, split)
        return {"dataset": self._data.identity(side), "fingerprint": fingerprint, "split": split}

    def _add(
        self, kind: str, plugin: str, spec: dict[str, Any], inputs: dict[str, str], seed: int | None = None
    ) -> str:
        spec = {"kind": kind, "format": STAGE_KINDS[kind].format, **spec}
        # keys of inputs hold those of theirs, so that a change anywhere upstream changes this key as well
        key = content_key({"spec": without_runtime_options(spec), "inputs": inputs})
        if key not in self.stages:
            self.stages[key] = Stage(kind, key, plugin, seed, spec, inputs, self._code_of(spec))
        return key
