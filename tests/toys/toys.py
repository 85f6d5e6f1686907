"""Plugins that do next to nothing, or go wrong in one way each; the harness is tested with them."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import torch
from dots import SHADES
from pydantic import Field

from benchmark import (
    PluginOptions,
    SegmentationMetric,
    Segmenter,
    TranslationMetric,
    Translator,
    Unavailable,
    Value,
)


def one_value(name, summary, *, higher_is_better):
    return {name: Value(summary, higher_is_better)}


class Learner:
    """A number that is learnt step by step, with a checkpoint after each, whichever process it happens in."""

    weight = 0.0

    def learn(self, context, mean, steps, pause=0.0):
        found = context.last_checkpoint()
        start, state = found if found else (0, {"weight": torch.zeros(1)})
        weight = state["weight"]
        for step in range(start, steps):
            noise = torch.rand(1, generator=context.generator(f"step {step}"))
            weight = 0.5 * weight + 0.5 * (mean + 0.01 * noise)
            time.sleep(pause)
            context.checkpoint(step + 1, {"weight": weight})
            context.progress(step + 1, steps, "steps", loss=1.0 / (step + 1))
        context.report(parameters=1, resumed_at=start)
        self.weight = float(weight)

    def save(self, folder):
        (folder / "weight.json").write_text(json.dumps(self.weight))

    def load(self, folder):
        self.weight = json.loads((folder / "weight.json").read_text())


class LearnerOptions(PluginOptions):
    steps: int = 2
    pause: float = Field(0.0, json_schema_extra={"affects_results": False})


class GazingOptions(LearnerOptions):
    variants: int = 9
    gain: float = 1.0


class Shift(Learner, Translator):
    """Adds the difference of the mean colours."""

    Options = LearnerOptions

    def fit(self, source, target, context):
        assert source.labels is None
        assert target.labels is None
        difference = (target.images.mean() - source.images.mean()) / 255
        self.learn(context, float(difference), self.options.steps, self.options.pause)

    def translate(self, images, variant=0):
        return (images + self.weight).clamp(0, 1)

    def inverse(self, images):
        return (images - self.weight).clamp(0, 1)


class Twofold(Shift):
    variants = 2

    def translate(self, images, variant=0):
        return super().translate(images) * (1 - 0.1 * variant)


class Pairs(Shift):
    """Insists on pairs: equal ids in equal order, and labels nowhere."""

    def fit(self, source, target, context):
        assert source.ids == target.ids
        darker = source.images.astype(float).mean((0, 2, 3, 4)) - target.images.astype(float).mean((0, 2, 3, 4))
        context.report(darker=darker.tolist())
        super().fit(source, target, context)


class Guided(Shift):
    """Asks the auxiliary segmenter what it sees on the source images."""

    def fit(self, source, target, context):
        assert isinstance(context.source_segmenter, Segmenter)
        assert context.translator is None
        seen = context.source_segmenter.predict(source.image_batch(range(len(source))))
        context.report(seen=seen.float().mean().item(), learnt=context.source_segmenter.weight)
        super().fit(source, target, context)


class Gazing(Twofold):
    """Several outputs, and it shows where it looks: at bright places, and from a pixel along its row."""

    Options = GazingOptions

    @property
    def variants(self):
        return self.options.variants

    def attention_maps(self, images):
        return images.mean(1, keepdim=True) * self.options.gain

    def attention_from(self, images, row, column):
        maps = torch.zeros_like(images[:, :1])
        maps[:, :, row] = 0.25
        return maps


class LabelGuided(Shift):
    def fit(self, source, target, context):
        assert source.labels is not None
        assert target.labels is None


class Raises(Shift):
    def fit(self, source, target, context):
        print("about to raise")
        raise ValueError("no colour is left\nin the box")


class OutOfMemory(Shift):
    def fit(self, source, target, context):
        raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB")


class Exits(Shift):
    def fit(self, source, target, context):
        print("leaving now", flush=True)
        os._exit(3)


class Quits(Shift):
    def fit(self, source, target, context):
        sys.exit("enough")


class Hangs(Shift):
    def fit(self, source, target, context):
        time.sleep(600)


class LeavesHelper(Shift):
    """Hangs with a helper process of its own, whose id it tells in its log."""

    def fit(self, source, target, context):
        helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        print("helper", helper.pid, flush=True)
        time.sleep(600)


class Detaches(Shift):
    """Starts a process in a session of its own, as a daemon does, and leaves it behind."""

    def fit(self, source, target, context):
        code = "import subprocess as s; print(s.Popen(['sleep', '600'], start_new_session=True, stdout=s.DEVNULL).pid)"
        detached = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout
        print("detached", detached.strip(), flush=True)
        super().fit(source, target, context)
        context.report(detached=int(detached))


class Surroundings(Shift):
    """Tells what the executor gave it."""

    def fit(self, source, target, context):
        visible = os.environ["CUDA_VISIBLE_DEVICES"]
        context.report(visible=visible, threads=torch.get_num_threads(), omp=os.environ["OMP_NUM_THREADS"])


class WrongShape(Shift):
    def translate(self, images, variant=0):
        return images[..., :-1]


class NotANumber(Shift):
    def translate(self, images, variant=0):
        return images / 0 * 0


class Halves(Shift):
    def translate(self, images, variant=0):
        return images.half()


class Nearest(Learner, Segmenter):
    """Assigns the class whose shade is nearest to that of the training images."""

    Options = LearnerOptions

    def fit(self, train, target, validation, context):
        assert target is None
        assert validation is None or validation.labels is not None
        self.learn(context, float(train.images.mean()) / 255, self.options.steps, self.options.pause)

    def predict(self, images):
        shades = torch.tensor(SHADES / 255, dtype=torch.float32) + self.weight - 120 / 255
        return (images.mean(1)[:, None] - shades[None, :, None, None]).abs().argmin(1).byte()


class AlignedOptions(LearnerOptions):
    align: bool = False

    def further_needs(self):
        return ("target_images",) if self.align else ()


class Aligned(Nearest):
    """Looks at the target where its options say so."""

    Options = AlignedOptions

    def fit(self, train, target, validation, context):
        assert (target is not None) == self.options.align
        assert target is None or target.labels is None
        self.learn(context, float(train.images.mean()) / 255, self.options.steps, self.options.pause)


class Adaptable(Nearest):
    """Its weight is a statistic of images, which those of another domain may replace."""

    def adapt_statistics(self, target, context):
        assert target.labels is None
        self.weight = float(target.images.mean()) / 255


class Overconfident(Nearest):
    def predict(self, images):
        return super().predict(images) + 9


class Accuracy(SegmentationMetric):
    values = one_value("accuracy", "Share of right pixels.", higher_is_better=True)
    right = total = 0

    def update(self, predictions, labels):
        self.right += int((predictions == labels).sum())
        self.total += labels.numel()

    def compute(self):
        return {"accuracy": self.right / self.total}

    def details(self):
        return {"pixels": np.int64(self.total), "per_class": [float("nan"), 0.5]}


class Difference(TranslationMetric):
    values = one_value("difference", "Mean change of a pixel.", higher_is_better=False)

    def start(self, classes, context):
        self.changes, self.references = [], 0

    def reference(self, images):
        self.references += len(images)

    def update(self, source, translated, labels):
        assert self.references
        self.changes.append(float((source - translated).abs().mean()))

    def compute(self):
        return {"difference": sum(self.changes) / len(self.changes)}


class Agreement(TranslationMetric):
    """Whether the auxiliary segmenter that knows the target finds the source labels in the translations."""

    values = one_value("agreement", "Share of pixels that are read as labelled.", higher_is_better=True)

    def start(self, classes, context):
        assert context.translator is None
        self.segmenter, self.shares = context.target_segmenter, []

    def update(self, source, translated, labels):
        self.shares.append(float((self.segmenter.predict(translated) == labels).float().mean()))

    def compute(self):
        return {"agreement": sum(self.shares) / len(self.shares)}

    def details(self):
        return {"learnt": self.segmenter.weight, "batches": len(self.shares)}


class SourceAgreement(Agreement):
    """The same by the auxiliary segmenter that knows the source."""

    values = one_value("source-agreement", "Share of pixels that are read as labelled.", higher_is_better=True)

    def start(self, classes, context):
        assert context.target_segmenter is None
        self.segmenter, self.shares = context.source_segmenter, []

    def compute(self):
        return {"source-agreement": sum(self.shares) / len(self.shares)}


class RoundTrip(TranslationMetric):
    """What is lost on the way there and back."""

    values = one_value("round-trip", "Mean change of a pixel.", higher_is_better=False)

    def start(self, classes, context):
        assert context.source_segmenter is None
        self.translator, self.changes = context.translator, []

    def update(self, source, translated, labels):
        self.changes.append(float((self.translator.inverse(translated) - source).abs().mean()))

    def compute(self):
        return {"round-trip": sum(self.changes) / len(self.changes)}


class Spread(TranslationMetric):
    """How far the variants of an image lie apart."""

    values = one_value("spread", "Mean difference of the last variant and the first.", higher_is_better=True)

    def start(self, classes, context):
        assert (context.target_segmenter, context.translator) == (None, None)
        self.first, self.distances = None, []

    def update(self, source, translated, labels):
        self.first = translated

    def update_variants(self, variants):
        assert torch.equal(variants[0], self.first)
        self.distances.append(float((variants[-1] - variants[0]).abs().mean()))

    def compute(self):
        return {"spread": sum(self.distances) / len(self.distances)}


class Absent(TranslationMetric):
    values = one_value("absent", "Never there.", higher_is_better=True)

    def start(self, classes, context):
        raise Unavailable("its weights are not here")

    def update(self, source, translated, labels):
        raise AssertionError("a metric that is not available gets no data")

    def compute(self):
        raise AssertionError("a metric that is not available is not asked")


class Undefined(SegmentationMetric):
    values = one_value("undefined", "Never a number.", higher_is_better=True)

    def update(self, predictions, labels):
        pass

    def compute(self):
        return {"undefined": float("nan")}


class FaultyOptions(PluginOptions):
    fault: str = ""


class Faulty(SegmentationMetric):
    """Goes wrong in one of many ways."""

    Options = FaultyOptions
    values = one_value("faulty", "Not to be had.", higher_is_better=True)

    def fail(self, fault, message):
        if self.options.fault == fault:
            raise ValueError(message)

    def start(self, classes, context):
        self.fail("start", "cannot start")
        if self.options.fault == "exit":
            sys.exit(3)
        if self.options.fault == "die":
            os._exit(3)
        if self.options.fault == "hang":
            time.sleep(600)

    def update(self, predictions, labels):
        self.fail("update", "cannot count")

    def compute(self):
        self.fail("compute", "cannot compute")
        answers = {
            "none": None,
            "tensor": {"faulty": torch.ones(2)},
            "names": {"other": 0.5},
            "range": {"faulty": 7.0},
            "rounding": {"faulty": 1 + 1e-9},
        }
        return answers.get(self.options.fault, {"faulty": 0.5})

    def details(self):
        endless = {}
        endless["again"] = endless
        return {"circular": endless, "details": [1]}.get(self.options.fault, {})


class AnchoredOptions(PluginOptions):
    available: bool = True


class Anchored(TranslationMetric):
    """Compares mean colours; that of the target images comes from a stage of its own."""

    Options = AnchoredOptions
    values = one_value("anchored", "Difference of mean colours.", higher_is_better=False)

    def start(self, classes, context):
        self.target, self.translated = [], []

    def reference(self, images):
        if not self.options.available:
            raise Unavailable("no target for it")
        self.target += images.mean((1, 2, 3)).tolist()

    def save_reference(self, folder):
        assert list(folder.iterdir()) == []
        (folder / "target.json").write_text(json.dumps(self.target))

    def load_reference(self, folder):
        assert self.target == []
        self.target = json.loads((folder / "target.json").read_text())

    def update(self, source, translated, labels):
        self.translated += translated.mean((1, 2, 3)).tolist()

    def compute(self):
        return {"anchored": abs(np.mean(self.translated) - np.mean(self.target))}

    def details(self):
        return {"target": float(np.mean(self.target))}


class Clash(Undefined):
    values = one_value("accuracy", "Also called accuracy.", higher_is_better=True)

    def compute(self):
        return {"accuracy": 0.5}
