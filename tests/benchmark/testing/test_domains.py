"""What a translator under test is fitted on is what the harness would give it."""

import numpy as np
import pytest
import torch

from benchmark import HasLogits
from benchmark.api.dataset import IGNORE
from benchmark.testing.domains import make_domains
from benchmark.testing.nearest_colour import SHARPNESS, NearestColour


def test_labels_are_there_for_those_alone_who_need_them():
    assert make_domains(("source_labels",), (20, 28)).source.labels is not None
    for needs in ((), ("paired",), ("source_segmenter",)):
        assert make_domains(needs, (20, 28)).source.labels is None
    for needs in ((), ("source_labels",), ("paired",)):
        assert make_domains(needs, (20, 28)).target.labels is None


def test_paired_sets_show_the_same_scenes_under_the_same_ids_and_others_do_not():
    auxiliary_segmenter = NearestColour()
    source, target, _ = make_domains(("paired", "source_labels"), (20, 28))
    assert source.ids == target.ids
    assert not np.array_equal(source.images, target.images)
    cold = NearestColour(((110, 140, 190), (50, 70, 110), (40, 60, 200)))
    scenes = auxiliary_segmenter.predict(source.image_batch(range(6)))
    assert torch.equal(scenes, cold.predict(target.image_batch(range(6))))
    source, target, _ = make_domains((), (20, 28))
    assert not set(source.ids) & set(target.ids)
    assert len(source) != len(target)


@pytest.mark.parametrize("size", [(20, 28), (21, 27), (64, 33)])
def test_the_segmenter_reads_the_labels_of_the_source(size):
    source = make_domains(("source_labels",), size).source
    assert source.size == size
    labels = source.label_batch(range(6))
    assert set(labels.unique().tolist()) == {0, 1, 2, IGNORE}
    counted = labels != IGNORE
    assert torch.equal(NearestColour().predict(source.image_batch(range(6)))[counted], labels[counted])


def test_the_scores_of_the_segmenter_have_a_gradient_to_the_images():
    assert isinstance(NearestColour(), HasLogits)
    images = make_domains((), (20, 28)).source.image_batch([0]).requires_grad_()
    logits = NearestColour().logits(images)
    assert logits.shape == (1, 3, 20, 28)
    logits[:, 2].sum().backward()
    car = torch.tensor([210, 60, 40])[:, None, None] / 255
    torch.testing.assert_close(images.grad, -2 * SHARPNESS * (images.detach() - car))
