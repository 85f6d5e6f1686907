"""PatchNCE equals a loop written from the paper, and the same with the own key counted once more as a positive."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from bench_cut.contrast import gather_patches, patch_nce, sample_patch_ids, unit_vectors


def directions(*shape, seed=0):
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def loop(queries, keys, temperature):
    """Equation 2 of the paper, place by place: one positive, all other places of the same image negatives."""
    losses = []
    for image in range(len(queries)):
        losses.append([])
        for place in range(queries.shape[1]):
            similar = [float(queries[image, place] @ key) / temperature for key in keys[image]]
            negatives = sum(math.exp(value) for other, value in enumerate(similar) if other != place)
            losses[-1].append(-math.log(math.exp(similar[place]) / (math.exp(similar[place]) + negatives)))
    return torch.tensor(losses).mean(1)


@pytest.mark.parametrize("length", [1e-8, 1e-5, 1.0, 100.0])
def test_vectors_are_divided_by_their_length_and_1e_7_more(length):
    """`Normalize` of the reference code: x / (|x| + 1e-7)."""
    vectors = directions(2, 7, 5).double().numpy() * length
    expected = vectors / (np.sqrt((vectors**2).sum(2, keepdims=True)) + 1e-7)
    ours = unit_vectors(torch.from_numpy(vectors).float())
    torch.testing.assert_close(ours, torch.from_numpy(expected).float(), rtol=1e-5, atol=1e-7)


def test_a_vector_of_zeros_stays_one_and_its_gradient_is_finite():
    vectors = torch.zeros(1, 2, 3, requires_grad=True)
    units = unit_vectors(vectors)
    units.sum().backward()
    assert not units.any()
    assert torch.isfinite(vectors.grad).all()


@pytest.mark.parametrize("temperature", [0.07, 1.0])
def test_it_equals_the_papers_equation_place_by_place(temperature):
    queries, keys = directions(3, 7, 5), directions(3, 7, 5, seed=1)
    torch.testing.assert_close(patch_nce(queries, keys, temperature), loop(queries, keys, temperature))


def test_it_equals_cross_entropy_with_the_positive_in_front_and_the_diagonal_filled():
    """The form of the reference code, models/patchnce.py: -10 before division by the temperature."""
    queries, keys = directions(2, 9, 4), directions(2, 9, 4, seed=1)
    positive = (queries * keys).sum(2, keepdim=True)
    negatives = torch.bmm(queries, keys.transpose(1, 2)).masked_fill(torch.eye(9, dtype=torch.bool), -10)
    logits = torch.cat([positive, negatives], 2).flatten(0, 1) / 0.07
    expected = F.cross_entropy(logits, torch.zeros(18, dtype=torch.long), reduction="none").view(2, 9).mean(1)
    torch.testing.assert_close(patch_nce(queries, keys, 0.07), expected)


def test_keys_seek_no_query():
    """The contrast is one of queries over keys: a key that is like all queries is a negative of the others."""
    queries, keys = directions(1, 6, 5), directions(1, 6, 5, seed=1)
    assert not torch.allclose(patch_nce(queries, keys, 0.07), patch_nce(keys, queries, 0.07), rtol=1e-3)


def test_negatives_are_of_the_same_image():
    queries, keys = directions(2, 7, 5), directions(2, 7, 5, seed=1)
    other = torch.stack([keys[0], directions(7, 5, seed=2)])
    assert patch_nce(queries, keys, 0.07)[0] == patch_nce(queries, other, 0.07)[0]
    assert patch_nce(queries, keys, 0.07)[1] != patch_nce(queries, other, 0.07)[1]


def test_where_nothing_can_be_told_it_is_the_logarithm_of_the_number_of_places():
    same = directions(1, 1, 5).expand(1, 11, 5)
    assert float(patch_nce(same, same, 0.07)) == pytest.approx(math.log(11))


def test_where_every_patch_finds_its_own_it_is_nothing():
    own = torch.eye(8)[None]
    assert float(patch_nce(own, own, 0.07)) < 1e-4


def test_only_queries_get_a_gradient():
    queries, keys = directions(1, 6, 5).requires_grad_(), directions(1, 6, 5, seed=1).requires_grad_()
    patch_nce(queries, keys, 0.07).sum().backward()
    assert queries.grad.abs().sum() > 0
    assert keys.grad is None


def test_under_autocast_it_is_computed_in_float32():
    queries, keys = directions(2, 7, 5), directions(2, 7, 5, seed=1)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(patch_nce(queries, keys, 0.07), patch_nce(queries, keys, 0.07).float())
        rough = patch_nce(queries, keys, 0.07)
    assert torch.equal(rough, patch_nce(queries, keys, 0.07))


def test_places_are_different_ones_of_each_layer_and_all_of_a_small_layer():
    layers = [torch.zeros(2, 3, 8, 9), torch.zeros(2, 5, 2, 3)]
    large, small = sample_patch_ids(layers, 20, torch.Generator().manual_seed(0))
    assert len(large) == len(large.unique()) == 20
    assert large.max() > 20
    assert sorted(small.tolist()) == [0, 1, 2, 3, 4, 5]


def test_vectors_are_those_at_the_places_row_by_row():
    features = torch.rand(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)
    vectors = gather_patches(features, torch.tensor([0, 7, 19]))
    expected = torch.stack([features[:, :, 0, 0], features[:, :, 1, 2], features[:, :, 3, 4]], 1)
    assert torch.equal(vectors, expected)
