"""Every plugin that computes works on a GPU: on a pretended one anywhere, and on a real one where there is one.

The plugins are those of the registry, so that a new one is tested without being listed here.
"""

import json
import os
import subprocess
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from types import UnionType
from typing import Literal, Union, get_args, get_origin

import pytest
import torch
import torchvision
from pydantic import ValidationError
from pytorch_fid import inception
from torch import nn

from benchmark import SegmentationMetric, Translator, Unavailable
from benchmark.api.metric import AcceptsImageIds, HasReferenceState, VariantMetric
from benchmark.api.segmenter import AdaptsStatistics, HasLogits
from benchmark.config.resolve import resolve_matrix
from benchmark.execution import worker
from benchmark.execution.driver import execute
from benchmark.execution.inline import InlineExecutor
from benchmark.plan.planner import make_plan
from benchmark.registry.registry import load_registry
from benchmark.store.store import Store
from benchmark.testing.domains import make_domains
from benchmark.testing.nearest_colour import NearestColour
from benchmark.testing.outputs import check_equal, translator_outputs
from benchmark.testing.pretended_gpu import pretended_gpu
from benchmark.testing.runs import Interrupted, Place, WatchedContext

# safetensors looks whether tensors share their memory, and pretended ones have none
pytestmark = pytest.mark.filterwarnings("ignore:Accessing the data pointer of FakeTensor")

TESTS = Path(__file__).parent
REGISTRY = load_registry(TESTS.parent)
SIZE = (32, 64)
STEPS, MORE_STEPS = 3, 10
REQUIRED = {"mmseg": {"config": str(TESTS / "golden" / "fcn.py")}}
"""Options without a default, by the name of the plugin."""
FREQUENT = {"pool": 1, "checkpoint_every": 1, "log_every": 1, "sample_every": 3, "validate_every": 3}
"""Options by which all that is done now and then in a training is done within `STEPS`."""
FIRST_LOSSES, LATER_LOSSES = 1e-4, 0.1
"""How far losses on a GPU may be from those on the CPU, relative to the larger of them and 1: in the first step, where
they differ by rounding alone, and later, when Adam, whose steps have the size of the rate however small a gradient is,
has carried rounding into the weights. Two libraries of convolutions on one CPU are 2e-7 apart in the first step, and up
to 0.034 within ten (cut)."""

LEFT_ALONE = ("pretrained", "download", "variant")
"""Options that would fetch files, or that change the size of a network and nothing else."""


def names(kind):
    return [entry.name for entry in REGISTRY.entries() if entry.kind == kind]


def tiny_options(kind, name, steps=STEPS):
    """Those of the budget `smoke`, for a training of a few steps."""
    entry = {"name": name, "options": REQUIRED.get(name, {})}
    asked = {f"{kind}s": [entry], "budget": "smoke", "scenarios": ["streets"]}
    matrix = resolve_matrix(None, asked, REGISTRY)
    [options] = [config.options for config in getattr(matrix, f"{kind}s") if config.kind == kind]
    options |= {key: value for key, value in FREQUENT.items() if key in options}
    if "images_seen" in options:
        options["images_seen"] = steps * options["batch_size"]
    return options


def other_values(annotation, value):
    """What an option may be switched to: the other choices, and something for what is off."""
    choices = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    if value is None or value == 0:
        return [1.0, 0.5, 0.1] if float in choices else [1] if int in choices else [True] if bool in choices else []
    if annotation is bool:
        return [not value]
    return [choice for choice in get_args(annotation) if choice != value] if get_origin(annotation) is Literal else []


def switched_options(kind, name):
    """Sets of options that, with `tiny_options`, show every choice once, and all that is off by default switched on."""
    model = REGISTRY.options_class(REGISTRY.find(kind, name))
    base = tiny_options(kind, name)
    waiting = []
    for option, field in model.model_fields.items():
        extra = field.json_schema_extra or {}
        switchable = option not in LEFT_ALONE and extra.get("affects_results", True)
        values = other_values(field.annotation, base[option]) if switchable else []
        accepted = [value for value in values if fits(model, base | {option: value})]
        # of numbers, one that switches the option on is enough
        waiting += [(option, value) for value in (accepted[:1] if base[option] in (None, 0) else accepted)]
    while waiting:
        chosen, left = {}, []
        for option, value in waiting:
            if option not in chosen and fits(model, base | chosen | {option: value}):
                chosen[option] = value
            else:
                left.append((option, value))
        yield base | chosen
        waiting = left


def fits(model, options):
    try:
        model(**options)
    except ValidationError:
        return False
    return True


def context_of(folder, device, precision="fp32", **fields):
    lent = {"source_segmenter": NearestColour(), "target_segmenter": NearestColour()}
    return WatchedContext(folder, device=device, precision=precision, **lent, **fields)


def fitted(kind, name, options, context):
    """A plugin, or None where its training was interrupted."""
    spec = REGISTRY.find(kind, name)
    domains = make_domains(("source_labels", *spec.needs), SIZE)
    plugin = REGISTRY.create(spec, options)
    sets = [domains.source, domains.target]
    if kind == "segmenter":
        needs_target = "target_images" in (*spec.needs, *plugin.options.further_needs())
        sets = [domains.source, domains.target if needs_target else None, domains.source]
    try:
        plugin.fit(*sets, context)
    except Interrupted:
        return None
    return plugin


def trained(kind, name, options, folder, precision="fp32"):
    """A plugin that was fitted, interrupted and resumed, and one that was loaded from what it saved, and adapted."""
    if "images_seen" in options:
        stop_at = Place("checkpoint", 1)
        assert fitted(kind, name, options, context_of(folder, "cuda", precision, stop_at=stop_at)) is None
    plugin = fitted(kind, name, options, context_of(folder, "cuda", precision))
    model = folder / "model"
    model.mkdir()
    plugin.save(model)
    loaded = REGISTRY.create(REGISTRY.find(kind, name), options)
    loaded.load(model)
    loaded.to("cuda")
    if isinstance(loaded, AdaptsStatistics):
        with suppress(Unavailable):  # a network without such statistics
            loaded.adapt_statistics(make_domains((), SIZE).target, context_of(folder, "cuda", precision))
    return plugin, loaded


def outputs_of(kind, plugin, device):
    images = make_domains((), SIZE).source.image_batch(range(2)).to(device)
    with torch.inference_mode():
        outputs = translator_outputs(plugin, images) if kind == "translator" else {"predict": plugin.predict(images)}
    if isinstance(plugin, HasLogits):
        outputs["logits"] = plugin.logits(images.clone().requires_grad_())
    places = {output: given.device.type for output, given in outputs.items()}
    assert set(places.values()) == {torch.device(device).type}, places
    return {output: given.detach().float() for output, given in outputs.items()}


TRAINED = [(kind, name) for kind in ("translator", "segmenter") for name in names(kind)]


@pytest.mark.parametrize(("kind", "name"), TRAINED)
def test_a_plugin_trains_resumes_and_works_on_a_gpu(kind, name, tmp_path):
    with pretended_gpu():
        for plugin in trained(kind, name, tiny_options(kind, name), tmp_path, precision="bf16"):
            outputs_of(kind, plugin, "cuda")


@pytest.mark.parametrize(("kind", "name"), TRAINED)
def test_a_plugin_keeps_to_the_gpu_whatever_its_switches(kind, name, tmp_path):
    for number, options in enumerate(switched_options(kind, name)):
        (tmp_path / str(number)).mkdir()
        with pretended_gpu():
            for plugin in trained(kind, name, options, tmp_path / str(number), precision="fp32"):
                outputs_of(kind, plugin, "cuda")


def test_all_switches_of_the_adversarial_trainings_are_thrown():
    tried = [tiny_options("translator", "cyclegan"), *switched_options("translator", "cyclegan")]
    for option in ("ema", "instance_noise", "lambda_identity", "lambda_gradient_penalty", "label_smoothing"):
        assert any(options[option] for options in tried), option
    assert {options["gan_loss"] for options in tried} == {"lsgan", "vanilla"}
    assert {options["upsampling"] for options in tried} == {"transpose", "nearest", "bilinear"}


class Careless(nn.Conv2d):
    """A layer that adds a constant made on the CPU."""

    def forward(self, images):
        return super().forward(images) + torch.zeros(1)


def test_a_constant_of_the_cpu_in_a_generator_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr("bench_gan.networks.nn.Conv2d", Careless)
    with pretended_gpu(), pytest.raises(RuntimeError, match="two different devices"):
        trained("translator", "cyclegan", tiny_options("translator", "cyclegan"), tmp_path)


def test_a_pool_of_images_that_stays_on_the_cpu_after_a_resume_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr("bench_gan.pool.ImagePool._kept", lambda pool, like: pool._images_on_cpu(like), raising=True)
    monkeypatch.setattr(
        "bench_gan.pool.ImagePool._images_on_cpu",
        lambda pool, like: torch.zeros(pool.size, *like.shape[1:]),
        raising=False,
    )
    with pretended_gpu(), pytest.raises(RuntimeError, match="two different devices"):
        trained("translator", "cyclegan", tiny_options("translator", "cyclegan"), tmp_path)


class Mirror(Translator):
    """A translator that is fitted from the start, with a way back and two variants."""

    variants = 2

    def fit(self, source, target, context):
        pass

    def translate(self, images, variant=0):
        return images.flip(-1)

    inverse = translate

    def save(self, folder):
        pass

    def load(self, folder):
        pass


@pytest.fixture(scope="module")
def inception_state():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inception, "load_state_dict_from_url", lambda *args, **options: None)
        patch.setattr(torchvision.models.Inception3, "load_state_dict", lambda *args, **options: None)
        return inception.fid_inception_v3().state_dict()


@pytest.fixture
def inception_weights(inception_state, tmp_path):
    """A file of its own, as the network of a file is kept for the process, and each test has a GPU of its own."""
    file = tmp_path / "random.pth"
    torch.save(inception_state, file)
    return file


@pytest.mark.parametrize("name", names("metric"))
def test_a_metric_measures_on_a_gpu(name, tmp_path, inception_weights):
    spec = REGISTRY.find("metric", name)
    options = tiny_options("metric", name)
    if "weights" in options:
        options["weights"] = str(inception_weights)
    domains = make_domains(("source_labels",), SIZE)
    batch = range(4)
    labels = domains.source.label_batch(batch)
    with pretended_gpu():
        source, target = (images.image_batch(batch).to("cuda") for images in (domains.source, domains.target))
        context = context_of(tmp_path, "cuda", translator=Mirror(REGISTRY.options_class(spec)()))
        metric = started(spec, options, domains, context)
        if isinstance(metric, SegmentationMetric):
            metric.update(NearestColour().predict(source), labels.to("cuda"))
        else:
            metric.reference(target)
            if isinstance(metric, HasReferenceState):
                metric.save_reference(tmp_path)
                metric = started(spec, options, domains, context)
                metric.load_reference(tmp_path)
            if isinstance(metric, AcceptsImageIds):
                metric.name_images(domains.source.ids)
            translated = context.translator.translate(source)
            metric.update(source, translated, labels)
            if isinstance(metric, VariantMetric):
                metric.update_variants(torch.stack([translated, source]))
        try:
            metric.compute()
        except Unavailable:  # numbers that come from the pretended GPU are zeros, which may not do
            return
        metric.details()


def started(spec, options, domains, context):
    metric = REGISTRY.create(spec, options)
    metric.start(domains.source.classes, context)
    return metric


def test_the_stages_of_a_matrix_work_on_a_gpu(tmp_path, monkeypatch, new_diary):
    monkeypatch.setattr(worker, "resolve_device", lambda requested: "cuda")
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "pretended")
    asked = {
        "scenarios": ["streets"],
        "translators": ["cyclegan-attention"],
        "segmenters": ["deeplabv3"],
        "metrics": ["segmentation", "semantic-flip", "cycle-error"],
        "budget": "smoke",
        "device": "cuda",
        "precision": "bf16",
    }
    few = ["translator.images_seen=2", "segmenter.images_seen=8", 'scenario.streets.evaluate="native"']
    few += [f"scenario.streets.{side}.options.{split}=2" for side in ("source", "target") for split in ("train", "val")]
    matrix = resolve_matrix(None, asked, REGISTRY, overrides=few)
    diary = new_diary()
    with pretended_gpu():
        execute(make_plan(matrix, REGISTRY), Store(tmp_path), InlineExecutor(), REGISTRY, listener=diary)
    assert not diary.failed
    assert {record["status"] for record in diary.records.values()} == {"done"}


LEARNING = [(kind, name) for kind, name in TRAINED if "images_seen" in tiny_options(kind, name)]


@pytest.fixture
def full_precision():
    """No rounding to TF32, which convolutions on a GPU have by default."""
    libraries = (torch.backends.cudnn, torch.backends.cuda.matmul)
    before = [library.allow_tf32 for library in libraries]
    for library in libraries:
        library.allow_tf32 = False
    yield
    for library, allowed in zip(libraries, before, strict=True):
        library.allow_tf32 = allowed


@pytest.fixture
def reproducible(monkeypatch):
    """Kernels that give the same bits each time, where there are such; torch warns of the others."""
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    torch.use_deterministic_algorithms(True, warn_only=True)
    yield
    torch.use_deterministic_algorithms(False)


def logged_losses(folder):
    lines = [json.loads(line) for line in (folder / "scalars.jsonl").read_text().splitlines()]
    others = ("gradient", "accuracy")  # a norm is as large as it is, and an accuracy jumps
    return [{name: value for name, value in line.items() if not name.startswith(others)} for line in lines]


def distance(first, second):
    """Largest difference of two sets of numbers, relative to the larger and 1."""
    return max(abs(first[name] - second[name]) / max(1, abs(first[name]), abs(second[name])) for name in first)


@pytest.mark.gpu
@pytest.mark.parametrize(("kind", "name"), LEARNING)
def test_ten_steps_on_a_gpu_lose_what_they_lose_on_the_cpu(kind, name, gpu, tmp_path, full_precision, record_property):
    options = tiny_options(kind, name, MORE_STEPS)
    losses = []
    for folder, device in ((tmp_path / "cpu", "cpu"), (tmp_path / "gpu", gpu)):
        folder.mkdir()
        fitted(kind, name, options, context_of(folder, device))
        losses.append(logged_losses(folder))
    distances = [distance(*step) for step in zip(*losses, strict=True)]
    record_property("distances", " ".join(f"{step:.1e}" for step in distances))
    assert len(distances) == MORE_STEPS
    assert distances[0] <= FIRST_LOSSES
    assert max(distances) <= LATER_LOSSES


@pytest.mark.gpu
@pytest.mark.parametrize(("kind", "name"), LEARNING)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_training_on_a_gpu_that_was_interrupted_ends_as_one_that_was_not(
    kind, name, precision, gpu, tmp_path, reproducible, record_property
):
    options = tiny_options(kind, name, MORE_STEPS)
    ends = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for number in range(2):
            folder = tmp_path / f"whole-{number}"
            folder.mkdir()
            whole = fitted(kind, name, options, context_of(folder, gpu, precision))
            ends.append(outputs_of(kind, whole, gpu))
    folder = tmp_path / "resumed"
    folder.mkdir()
    stop_at = Place("checkpoint", MORE_STEPS // 2)
    assert fitted(kind, name, options, context_of(folder, gpu, precision, stop_at=stop_at)) is None
    resumed = outputs_of(kind, fitted(kind, name, options, context_of(folder, gpu, precision)), gpu)
    apart = {output: float((ends[0][output] - ends[1][output]).abs().max()) for output in resumed}
    if not any(apart.values()):
        record_property("resume", "bit by bit")
        check_equal(ends[0], resumed, "a training that was interrupted and one that was not")
        return
    # two trainings of one seed differ already: an interruption may not add to that
    kernels = {str(warning.message).partition(" ")[0] for warning in caught if "determinis" in str(warning.message)}
    record_property(
        "resume", f"trainings of one seed differ by {max(apart.values()):.1e}: {', '.join(sorted(kernels))}"
    )
    for output, limit in apart.items():
        assert float((ends[0][output] - resumed[output]).abs().max()) <= 10 * limit, output


@pytest.mark.gpu
@pytest.mark.parametrize(("kind", "name"), [("translator", "cyclegan"), ("segmenter", "deeplabv3")])
def test_a_training_goes_on_on_the_other_device(kind, name, gpu, tmp_path):
    options = tiny_options(kind, name)
    for folder, devices in ((tmp_path / "to-cpu", (gpu, "cpu")), (tmp_path / "from-cpu", ("cpu", gpu))):
        folder.mkdir()
        assert fitted(kind, name, options, context_of(folder, devices[0], stop_at=Place("checkpoint", 1))) is None
        plugin = fitted(kind, name, options, context_of(folder, devices[1]))
        outputs_of(kind, plugin, devices[1])


@pytest.mark.gpu
def test_two_matrices_share_a_gpu(gpu, tmp_path):
    command = [sys.executable, "-m", "benchmark", "matrix", "--scenario", "streets", "--translators", "cyclegan"]
    command += ["--segmenters", "deeplabv3", "--metrics", "segmentation", "--budget", "smoke", "--format", "json"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    running = [
        subprocess.Popen(
            [*command, "--device", gpu, "--seeds", str(seed), "--results", str(tmp_path / str(seed))],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for seed in range(2)
    ]
    for process in running:
        _, errors = process.communicate(timeout=280)
        assert process.returncode == 0, errors
