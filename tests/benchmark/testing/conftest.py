"""Plugins that keep their contracts in a few milliseconds, and a way to run a suite's checks one by one."""

import pytest
import torch

from benchmark import AdaptsStatistics, HasLogits, PluginOptions, Segmenter, Translator, UsageError
from benchmark.testing import SegmenterConformance, TranslatorConformance
from benchmark.testing.outputs import ABILITIES


class TintOptions(PluginOptions):
    steps: int = 8
    batch_size: int = 2


class Tint(Translator):
    """Learns by noisy gradient descent with momentum what to add to each colour; has every ability there is."""

    variants = 2

    def fit(self, source, target, context):
        self.check(source, target)
        step, state = context.last_checkpoint() or (0, self.start(context))
        while step < self.options.steps:
            state = self.step(
                state, self.batch(source, "source", step, context), self.batch(target, "target", step, context), context
            )
            step += 1
            context.log(step, tint=state["tint"].mean())
            if step % 2 == 0:
                context.checkpoint(step, self.kept(state))
        self.finish(state)

    def check(self, source, target):
        if self.options.batch_size > 6:
            raise UsageError(f"batch_size: expected at most 6, but it is {self.options.batch_size}")

    def start(self, context):
        return {"tint": torch.rand(3, generator=context.generator("weights")), "momentum": torch.zeros(3)}

    def batch(self, images, side, step, context):
        draw = torch.randint(len(images), (self.options.batch_size,), generator=context.generator(f"{side} {step}"))
        return images.image_batch(draw.tolist())

    def step(self, state, source, target, context):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=context.precision == "bf16"):
            gap = (source.mean((0, 2, 3)) + state["tint"] - target.mean((0, 2, 3))).float()
        momentum = 0.5 * state["momentum"] + gap
        return {"tint": state["tint"] - 0.2 * momentum, "momentum": momentum}

    def kept(self, state):
        return state

    def finish(self, state):
        self.tint = state["tint"]

    def added(self, images, amount):
        return (images + amount * self.tint[:, None, None]).clamp(0, 1)

    def translate(self, images, variant=0):
        return self.added(images, 1 - 0.5 * variant)

    def inverse(self, images):
        return self.added(images, -1)

    def attention_maps(self, images):
        return self.translate(images).mean(1, keepdim=True).clamp(0, 1)

    def attention_from(self, images, row, column):
        maps = self.attention_maps(images)
        return 1 - (maps - maps[:, :, row, column, None, None]).abs()

    def save(self, folder):
        torch.save(self.tint, folder / "tint.pt")

    def load(self, folder):
        self.tint = torch.load(folder / "tint.pt", weights_only=True)


class Shades(Segmenter):
    """Learns by gradient descent with momentum the colour of each class; the nearest one is predicted."""

    def fit(self, train, target, validation, context):
        self.check(train, target)
        step, state = context.last_checkpoint() or (0, self.start(context))
        while step < self.options.steps:
            state = self.step(state, *self.batch(train, step, context), context)
            step += 1
            context.log(step, shade=state["shades"].mean())
            if step % 2 == 0:
                context.checkpoint(step, self.kept(state))
        self.finish(state)

    def check(self, train, target):
        if self.options.batch_size > 6:
            raise UsageError(f"batch_size: expected at most 6, but it is {self.options.batch_size}")

    def start(self, context):
        return {"shades": torch.rand(3, 3, generator=context.generator("weights")), "momentum": torch.zeros(3, 3)}

    def batch(self, train, step, context):
        generator = context.generator(f"batch {step}")
        draw = torch.randint(len(train), (self.options.batch_size,), generator=generator).tolist()
        variant = int(torch.randint(train.variants, (1,), generator=generator))
        return train.image_batch(draw, variant), train.label_batch(draw)

    def step(self, state, images, labels, context):
        gaps = torch.zeros(3, 3)
        for number in range(3):
            pixels = images.permute(0, 2, 3, 1)[labels == number]
            if len(pixels):
                with torch.autocast("cpu", dtype=torch.bfloat16, enabled=context.precision == "bf16"):
                    gaps[number] = (pixels.mean(0) - state["shades"][number]).float()
        momentum = 0.5 * state["momentum"] + gaps
        return {"shades": state["shades"] + 0.3 * momentum, "momentum": momentum}

    def kept(self, state):
        return state

    def finish(self, state):
        self.shades = state["shades"]

    def predict(self, images):
        return self.logits(images).argmax(1).byte()

    def logits(self, images):
        return -20 * (images[:, None] - self.shades[:, :, None, None]).square().sum(2)

    def save(self, folder):
        torch.save(self.shades, folder / "shades.pt")

    def load(self, folder):
        self.shades = torch.load(folder / "shades.pt", weights_only=True)


def checks(suite):
    """Every check of a suite as a function of a folder, by the id that pytest would give it."""
    found = {}
    for name in (name for name in dir(suite) if name.startswith("test_") and callable(getattr(suite, name))):
        check = getattr(suite, name)
        needs_folder = "tmp_path" in check.__code__.co_varnames[: check.__code__.co_argcount]
        marks = getattr(check, "pytestmark", [])
        cases = [({mark.args[0]: value}, f"[{value}]") for mark in marks for value in mark.args[1]] or [({}, "")]
        for case, label in cases:
            found[name + label] = bind(check, needs_folder, case)
    return found


def bind(check, needs_folder, case):
    return lambda folder: check(**case, **({"tmp_path": folder} if needs_folder else {}))


@pytest.fixture
def tint():
    return Tint


@pytest.fixture
def suite_of():
    """A suite for a translator class."""

    def make(translator, **attributes):
        def create(self, **changes):
            return translator(TintOptions(**changes))

        one = translator(TintOptions())
        abilities = tuple(ability for ability in ABILITIES if isinstance(one, ability))
        return type("TestIt", (TranslatorConformance,), {"make": create, "abilities": abilities, **attributes})

    return make


@pytest.fixture
def shades():
    return Shades


@pytest.fixture
def segmenter_suite_of():
    """A suite for a segmenter class."""

    def make(segmenter, **attributes):
        def create(self, **changes):
            return segmenter(TintOptions(**changes))

        one = segmenter(TintOptions())
        abilities = tuple(ability for ability in (HasLogits, AdaptsStatistics) if isinstance(one, ability))
        needs = ("source_labels", "target_images")
        fields = {"make": create, "abilities": abilities, "needs": needs, **attributes}
        return type("TestIt", (SegmenterConformance,), fields)

    return make


@pytest.fixture
def failures(tmp_path_factory):
    """What each check that fails says, by its name without parameters."""

    def run(suite):
        said = {}
        for name, check in checks(suite()).items():
            try:
                check(tmp_path_factory.mktemp("check"))
            except Exception as error:
                said.setdefault(name.partition("[")[0], f"{type(error).__name__}: {error}")
        return said

    return run
