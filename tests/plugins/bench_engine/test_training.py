"""A training resumes exactly, survives bad steps, and says how it went."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from mmengine.model import BaseModel
from torch import nn

from bench_engine.optimizers import adam, adamw, sgd
from bench_engine.options import TrainingOptions
from bench_engine.schedules import by_step, linear
from bench_engine.training import seed_everything, train
from benchmark import BenchError
from benchmark.api.stage_context import StageContext

STEPS = 12


class Pooled(BaseModel):
    """Has all that must be resumed: weights, batch norm, dropout, two optimizers, and a pool of images."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5))
        self.head = nn.Conv2d(4, 1, 1)
        self.pool = []

    def train_step(self, data, optim_wrapper):
        body, head = optim_wrapper["body"], optim_wrapper["head"]
        with body.optim_context(self):
            old = self.pool.pop(0) if len(self.pool) > 2 else data["images"]
            loss = (self.head(self.body(data["images"] + old)) - 1).pow(2).mean()
        self.pool.append(data["images"].nan_to_num())
        body.zero_grad()
        head.zero_grad()
        body.backward(loss)
        body.step()
        head.step()
        return {"loss": loss}

    def training_state(self):
        return {"pool": self.pool}

    def load_training_state(self, state):
        self.pool = list(state["pool"])

    def forward(self, images):
        return self.head(self.body(images))


def fit(folder, *, steps=STEPS, stop_at=None, bad=(), pause=0.0, model=None, optimizers=None, **options):
    """Train the small model; returns its run and all its weights as one vector."""
    folder.mkdir(parents=True, exist_ok=True)
    context = StageContext(folder, seed=3)
    seed_everything(context, "weights")
    model = model or Pooled()
    optimizers = optimizers or {
        "body": adam(model.body.parameters(), 1e-2, (0.5, 0.999)),
        "head": sgd(model.head.parameters(), 1e-2, 0.0),
    }

    def batches(step):
        if step == stop_at:
            raise KeyboardInterrupt
        time.sleep(pause)
        images = torch.randn(2, 3, 6, 6, generator=context.generator(f"batch:{step}"))
        return {"images": images * float("nan") if step in bad else images}

    options = TrainingOptions(**{"checkpoint_every": 5, "log_every": 4, **options})
    train(model, batches, optimizers, by_step(linear(), steps), steps, 2, context, options)
    return context, torch.cat([value.double().flatten() for value in model.state_dict().values()])


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return fit(tmp_path_factory.mktemp("whole"))


def test_a_training_interrupted_between_checkpoints_ends_with_the_same_weights(tmp_path, uninterrupted):
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path, stop_at=8)
    assert torch.equal(fit(tmp_path)[1], uninterrupted[1])


def test_a_training_interrupted_twice_ends_with_the_same_weights(tmp_path, uninterrupted):
    for step in (6, 11):
        with pytest.raises(KeyboardInterrupt):
            fit(tmp_path, stop_at=step)
    assert torch.equal(fit(tmp_path)[1], uninterrupted[1])


def test_a_finished_training_does_no_step_again(tmp_path, uninterrupted):
    fit(tmp_path)
    assert torch.equal(fit(tmp_path, stop_at=0)[1], uninterrupted[1])


def test_a_resumed_training_draws_only_the_batches_it_still_needs(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path, stop_at=10)
    fit(tmp_path, stop_at=4)  # drawing batch 4 again would interrupt it


def test_a_killed_training_ends_with_the_same_weights(tmp_path, uninterrupted):
    code = f"import test_training as t, pathlib; t.fit(pathlib.Path({str(tmp_path)!r}), pause=0.2, checkpoint_every=1)"
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}  # sums depend on how threads share them
    worker = subprocess.Popen([sys.executable, "-c", code], env=environment)
    checkpoint = tmp_path / "checkpoints" / "training.pth"
    deadline = time.monotonic() + 60
    while not checkpoint.exists() and worker.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    assert checkpoint.exists()
    assert torch.equal(fit(tmp_path)[1], uninterrupted[1])


def test_a_checkpoint_holds_plain_values_and_tensors_only(tmp_path):
    fit(tmp_path)
    stored = torch.load(tmp_path / "checkpoints" / "training.pth", weights_only=True)
    assert stored["meta"]["iter"] == STEPS
    assert len(stored["model_state"]["pool"]) == 3


@pytest.mark.parametrize("build", [lambda p: adamw(p, 1e-2, 0.1), lambda p: sgd(p, 1e-2, 0.1), torch.optim.Rprop])
def test_a_bad_step_changes_nothing_but_the_count(tmp_path, build):
    class Plain(BaseModel):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))

        def forward(self, images, mode="loss"):
            return {"loss": self.net(images).pow(2).mean()}

    def weights(steps, bad):
        seed_everything(StageContext(tmp_path), "weights")
        model = Plain()
        context, vector = fit(
            tmp_path / f"{steps}", steps=steps, bad=bad, model=model, optimizers=build(model.net.parameters())
        )
        counted = [i for i, n in enumerate(model.state_dict()) if n.endswith("num_batches_tracked")]
        assert len(counted) == 1
        return context, vector

    clean_run, clean = weights(1, ())
    bad_run, skipping = weights(3, (1, 2))
    assert clean_run.facts["skipped_steps"] == 0
    assert bad_run.facts["skipped_steps"] == 2
    torch.testing.assert_close(skipping[:-1], clean[:-1], rtol=0, atol=0)  # the last entry counts batches


def test_many_bad_steps_in_a_row_end_the_training(tmp_path):
    with pytest.raises(BenchError, match="not finite in 4 steps in a row"):
        fit(tmp_path, bad=range(4, 12), max_bad_steps=4)


def test_bad_steps_apart_from_each_other_do_not_end_the_training(tmp_path):
    context, weights = fit(tmp_path, bad=(1, 3, 5, 7), max_bad_steps=2)
    assert context.facts["skipped_steps"] == 4
    assert weights.isfinite().all()


def test_skipped_steps_are_still_counted_after_an_interruption(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path, bad=(2, 7), stop_at=6)
    assert fit(tmp_path, bad=(2, 7))[0].facts["skipped_steps"] == 2


def test_facts_and_scalars_of_a_training_are_recorded(uninterrupted):
    context = uninterrupted[0]
    assert context.facts["steps"] == STEPS
    assert context.facts["images_seen"] == 2 * STEPS
    assert context.facts["images_per_second"] > 0
    assert context.facts["parameters"] == (3 * 4 * 9 + 4) + 8 + 5
    lines = (context.folder / "scalars.jsonl").read_text().splitlines()
    assert len(lines) == 3
    assert '"body.lr"' in lines[0]
    assert '"loss"' in lines[0]


def test_progress_reaches_the_total(tmp_path):
    told = []
    context = StageContext(tmp_path, on_progress=told.append)
    model = Pooled()
    optimizers = {"body": sgd(model.body.parameters(), 1e-2, 0.0), "head": sgd(model.head.parameters(), 1e-2, 0.0)}
    batch = {"images": torch.zeros(2, 3, 4, 4)}
    train(model, lambda step: batch, optimizers, by_step(linear(), 3), 3, 2, context, TrainingOptions())
    assert told[-1]["done"] == told[-1]["total"] == 6
    assert told[-1]["unit"] == "images"
    assert told[-1]["images_per_second"] > 0


def train_with_pictures(folder, steps, **options):
    model, batch = Pooled(), {"images": torch.zeros(2, 3, 4, 4)}
    optimizers = {"body": sgd(model.body.parameters(), 1e-2, 0.0), "head": sgd(model.head.parameters(), 1e-2, 0.0)}
    schedule, options = by_step(linear(), steps), TrainingOptions(**options)
    train(
        model,
        lambda step: batch,
        optimizers,
        schedule,
        steps,
        2,
        StageContext(folder),
        options,
        samples=lambda: torch.zeros(3, 4, 4),
    )


def test_a_training_draws_five_times_unless_told_otherwise(tmp_path):
    train_with_pictures(tmp_path / "usual", 11)
    train_with_pictures(tmp_path / "never", 11, sample_every=0)
    names = [path.name for path in sorted(tmp_path.glob("*/pictures/*"))]
    assert names == [f"step_{step:07d}.png" for step in (2, 4, 6, 8, 10)]


def test_tensorboard_gets_scalars_and_pictures(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train_with_pictures(tmp_path, 4, log_every=1, sample_every=2)
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [event.step for event in events.Scalars("loss")] == [1, 2, 3, 4]
    assert [event.step for event in events.Images("samples")] == [2, 4]
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == ["step_0000002.png", "step_0000004.png"]


def test_bf16_trains_fp32_weights(tmp_path):
    seen = []

    class Seeing(BaseModel):
        def __init__(self):
            super().__init__()
            self.net = nn.Conv2d(3, 4, 3)

        def forward(self, images, mode="loss"):
            out = self.net(images)
            seen.append(out.dtype)
            return {"loss": out.float().pow(2).mean()}

    model = Seeing()
    context = StageContext(tmp_path, precision="bf16")
    batch = {"images": torch.ones(2, 3, 4, 4)}
    train(
        model,
        lambda s: batch,
        sgd(model.parameters(), 0.1, 0.0),
        by_step(linear(), 2),
        2,
        2,
        context,
        TrainingOptions(),
    )
    assert seen == [torch.bfloat16] * 2
    assert model.net.weight.dtype == torch.float32
