"""A training resumes exactly, survives bad steps, and says how it went."""

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from bench_engine.model import TrainableModel
from bench_engine.optimizers import adam, adamw, sgd
from bench_engine.options import TrainingOptions
from bench_engine.randomness import seed_everything
from bench_engine.schedules import linear
from bench_engine.training import train
from benchmark import BenchError
from benchmark.api.stage_context import StageContext

STEPS = 12


class Pooled(TrainableModel):
    """Has all that must be resumed: weights, batch norm, dropout, two optimizers, and a pool of images."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5))
        self.head = nn.Conv2d(4, 1, 1)
        self.pool = []

    def train_step(self, data, optimizers):
        body, head = optimizers["body"], optimizers["head"]
        with body.autocast():
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


def fit(folder, *, steps=STEPS, stop_at=None, bad=(), pause=0.0, model=None, optimizers=None, callbacks=(), **options):
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
    train(model, batches, optimizers, linear(), steps, 2, context, options, callbacks=callbacks)
    return context, torch.cat([value.double().flatten() for value in model.state_dict().values()])


def spare():
    """An optimizer of a parameter that no loss reaches."""
    parameter = nn.Parameter(torch.zeros(1))
    parameter.grad = torch.zeros(1)
    return sgd([parameter], 1e-2, 0.0)


def checkpoints(folder):
    """The checkpoint files of a training, the oldest first."""
    return sorted(folder.glob("checkpoints/*.pt"))


def flipped(content, position):
    """Bytes with one bit flipped."""
    return content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]


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
    deadline = time.monotonic() + 60
    while not checkpoints(tmp_path) and worker.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    assert checkpoints(tmp_path)
    assert torch.equal(fit(tmp_path)[1], uninterrupted[1])


@pytest.mark.parametrize("damage", [lambda content: content[:1000], lambda content: flipped(content, 9000)])
def test_after_damage_to_its_newest_checkpoint_a_training_ends_with_the_same_weights(tmp_path, uninterrupted, damage):
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path, stop_at=11)
    newest = checkpoints(tmp_path)[-1]
    newest.write_bytes(damage(newest.read_bytes()))
    assert torch.equal(fit(tmp_path)[1], uninterrupted[1])


@pytest.mark.parametrize("added", [[nn.Conv2d(4, 4, 1)], []], ids=["other weights", "other optimizers"])
def test_the_checkpoint_of_other_code_is_left_aside_with_a_line_in_the_log(tmp_path, uninterrupted, caplog, added):
    model = Pooled()
    model.body.extend(added)
    fit(tmp_path, steps=5, model=model, optimizers={"body": sgd(model.parameters(), 1e-2, 0.0), "head": spare()})
    assert torch.equal(fit(tmp_path)[1], uninterrupted[1])
    assert "the checkpoint of step 5 is that of another training; this one starts anew" in caplog.messages


def test_callbacks_are_called_after_each_step_and_go_on_where_they_were(tmp_path):
    class Noting:
        steps = ()

        def after_step(self, step):
            self.steps = (*self.steps, step)

        def state_dict(self):
            return {"steps": self.steps}

        def load_state_dict(self, state):
            self.steps = state["steps"]

    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path, stop_at=8, callbacks=[Noting()])
    resumed = Noting()
    fit(tmp_path, callbacks=[resumed])
    assert resumed.steps == tuple(range(1, STEPS + 1))


@pytest.mark.parametrize("build", [lambda p: adamw(p, 1e-2, 0.1), lambda p: sgd(p, 1e-2, 0.1), torch.optim.Rprop])
def test_a_bad_step_changes_nothing_but_the_count(tmp_path, build):
    class Plain(TrainableModel):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))

        def train_step(self, batch, optimizers):
            loss = self.net(batch["images"]).pow(2).mean()
            optimizers["net"].update(loss)
            return {"loss": loss}

    def weights(steps, bad):
        seed_everything(StageContext(tmp_path), "weights")
        model = Plain()
        context, vector = fit(
            tmp_path / f"{steps}", steps=steps, bad=bad, model=model, optimizers={"net": build(model.net.parameters())}
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
    train(model, lambda step: batch, optimizers, linear(), 3, 2, context, TrainingOptions())
    assert told[-1]["done"] == told[-1]["total"] == 6
    assert told[-1]["unit"] == "images"
    assert told[-1]["images_per_second"] > 0


def train_with_pictures(folder, steps, shade=0.0, name="", **options):
    model, batch = Pooled(), {"images": torch.zeros(2, 3, 4, 4)}
    optimizers = {"body": sgd(model.body.parameters(), 1e-2, 0.0), "head": sgd(model.head.parameters(), 1e-2, 0.0)}
    context, options = StageContext(folder, name=name), TrainingOptions(**options)
    train(
        model,
        lambda step: batch,
        optimizers,
        linear(),
        steps,
        2,
        context,
        options,
        samples=lambda: torch.full((3, 4, 4), shade),
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


def test_a_run_in_tensorboard_has_the_name_of_its_stage(tmp_path):
    train_with_pictures(tmp_path, 1, name="cyclegan.s0")
    assert [path.name for path in (tmp_path / "tensorboard").iterdir()] == ["cyclegan.s0"]


def test_tensorboard_shows_the_very_pixels_of_the_picture_files(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train_with_pictures(tmp_path, 1, shade=99.7 / 255)
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    (shown,) = events.Images("samples")
    stored = np.asarray(Image.open(tmp_path / "pictures" / "step_0000001.png"))
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(shown.encoded_image_string))), stored)
    assert (stored == 100).all()


def test_bf16_trains_fp32_weights(tmp_path):
    seen = []

    class Seeing(TrainableModel):
        def __init__(self):
            super().__init__()
            self.net = nn.Conv2d(3, 4, 3)

        def train_step(self, batch, optimizers):
            with optimizers["net"].autocast():
                out = self.net(batch["images"])
                loss = out.float().pow(2).mean()
            seen.append(out.dtype)
            optimizers["net"].update(loss)
            return {"loss": loss}

    model = Seeing()
    context = StageContext(tmp_path, precision="bf16")
    batch = {"images": torch.ones(2, 3, 4, 4)}
    optimizers = {"net": sgd(model.parameters(), 0.1, 0.0)}
    train(model, lambda step: batch, optimizers, linear(), 2, 2, context, TrainingOptions())
    assert seen == [torch.bfloat16] * 2
    assert model.net.weight.dtype == torch.float32
