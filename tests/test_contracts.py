"""The contracts import nothing heavy, and an image set gives back what was written."""

import subprocess
import sys

import numpy as np
import pytest

from benchmark import ClassSet, DataError
from benchmark.api.imageset import ImageSet, ImageSetWriter
from benchmark.api.stage_context import StageContext
from benchmark.errors import did_you_mean

CLASSES = ClassSet(("road", "sky"), ((128, 64, 128), (70, 130, 180)))


def test_importing_benchmark_loads_no_heavy_library():
    code = "import sys, benchmark; print([m for m in ('torch', 'numpy', 'mmengine') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_an_image_set_gives_back_what_was_written(tmp_path):
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (2, 3, 4, 6, 3), dtype=np.uint8)
    labels = generator.integers(0, 2, (3, 4, 6), dtype=np.uint8)
    writer = ImageSetWriter(tmp_path / "set", ["a", "b", "c"], (4, 6), CLASSES, labelled=True, variants=2)
    for variant in range(2):
        for index in range(3):
            writer.put(index, images[variant, index], labels[index] if variant == 0 else None, variant)
    opened = writer.close()
    assert (opened.variants, len(opened), opened.size) == (2, 3, (4, 6))
    assert opened.classes == CLASSES
    np.testing.assert_array_equal(opened.images, images)
    np.testing.assert_array_equal(opened.label_batch([2, 0]).numpy(), labels[[2, 0]])
    batch = opened.image_batch([1], variant=1)
    np.testing.assert_array_equal((batch * 255).round().byte().permute(0, 2, 3, 1).numpy()[0], images[1, 1])
    with pytest.raises(DataError, match="no labels"):
        opened.without_labels().label_batch([0])


def test_a_folder_that_is_no_image_set_is_refused(tmp_path):
    with pytest.raises(DataError, match="expected a prepared image set"):
        ImageSet.open(tmp_path)


def test_a_checkpoint_is_replaced_whole_and_read_back(tmp_path):
    import torch

    run = StageContext(folder=tmp_path, seed=3)
    assert run.last_checkpoint() is None
    run.checkpoint(1, {"weight": torch.zeros(2)})
    run.checkpoint(2, {"weight": torch.ones(2)})
    step, state = run.last_checkpoint()
    assert step == 2
    assert torch.equal(state["weight"], torch.ones(2))


def test_generators_depend_on_seed_and_purpose_alone(tmp_path):
    import torch

    def draw(seed, purpose):
        return torch.rand(4, generator=StageContext(folder=tmp_path, seed=seed).generator(purpose))

    assert torch.equal(draw(1, "a"), draw(1, "a"))
    assert not torch.equal(draw(1, "a"), draw(1, "b"))
    assert not torch.equal(draw(1, "a"), draw(2, "a"))


def test_suggestions_name_the_closest_word_or_nothing():
    assert did_you_mean("cyclgan", ["cyclegan", "reinhard"]) == " Did you mean 'cyclegan'?"
    assert did_you_mean("zzz", ["cyclegan"]) == ""
