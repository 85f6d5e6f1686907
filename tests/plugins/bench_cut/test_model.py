"""One step of CUT and FastCUT: what is computed, what is updated, in which order."""

import pytest
import torch

from bench_cut.contrast import patch_nce


def snapshot(module):
    return [parameter.detach().clone() for parameter in module.parameters()]


def changed(module, before):
    return any(not torch.equal(now, then) for now, then in zip(module.parameters(), before, strict=True))


def places_next(model):
    """The places of the next contrast, drawn without moving the model's generator on."""
    draw = torch.Generator()
    draw.set_state(model._draw.get_state())
    return draw


def contrast_apart(model, before, after, places, mirrored=False):
    """The contrast of images and their translations as the paper has it: both encoded anew, layer by layer."""
    network, heads = model.generators["target"], model.generators["heads"]
    queries = network.features(after)
    queries = [layer.flip(3) for layer in queries] if mirrored else queries
    pairs = zip(heads(queries, places), heads(network.features(before), places), strict=True)
    return torch.stack([patch_nce(query, key, model.options.temperature).mean() for query, key in pairs]).mean()


def expected_places(model, batch, draw):
    return [
        torch.randperm(layer[0, 0].numel(), generator=draw)[: model.options.patches]
        for layer in model.generators["target"].features(batch["source"])
    ]


def test_losses_of_cut_are_those_of_the_paper_computed_apart(build):
    model, wrapper, batch = build(order="generator-first")
    translate, discriminator_loss = model.generators["target"], model.discriminators["target"]
    with torch.no_grad():
        fake, same = translate(batch["source"]), translate(batch["target"])
        places = expected_places(model, batch, places_next(model))
        expected = {
            "adversarial_target": (discriminator_loss(fake) - 1).square().mean(),
            "nce_source": contrast_apart(model, batch["source"], fake, places),
            "nce_target": contrast_apart(model, batch["target"], same, places),
            "discriminator_target": (discriminator_loss(batch["target"]) - 1).square().mean()
            + discriminator_loss(fake).square().mean(),
        }
    logged = model.train_step(batch, wrapper)
    for name, value in expected.items():
        torch.testing.assert_close(logged[name], value, msg=name)


@pytest.mark.parametrize(("seed", "mirroring"), [(0, False), (8, True)])
def test_losses_of_fastcut_are_those_of_the_paper_computed_apart_mirrored_or_not(build, seed, mirroring):
    model, wrapper, batch = build(order="generator-first", fast=True, seed=seed)
    translate = model.generators["target"]
    draw = places_next(model)
    mirrored = bool(torch.rand((), generator=draw) < 0.5)
    assert mirrored == mirroring
    with torch.no_grad():
        fake = translate(batch["source"].flip(3) if mirrored else batch["source"])
        places = expected_places(model, batch, draw)
        expected = contrast_apart(model, batch["source"], fake, places, mirrored)
    logged = model.train_step(batch, wrapper)
    torch.testing.assert_close(logged["nce_source"], expected)
    assert "nce_target" not in logged


def test_fastcut_mirrors_in_about_half_of_the_steps_and_cut_in_none(build):
    for fast, least, most in ((True, 8, 24), (False, 0, 0)):
        model, _, batch = build(fast=fast)
        with torch.no_grad():
            mirrored = sum(bool(model.generate(batch)["mirrored"]) for _ in range(32))
        assert least <= mirrored <= most


def test_what_the_generator_minimises_is_weighted_as_the_options_say(build):
    model, _, batch = build(lambda_nce=3.0, lambda_nce_identity=0.5, lambda_adversarial=2.0)
    with torch.no_grad():
        terms = model.generator_losses(batch, model.generate(batch))
    weights = {name: term.weight for name, term in terms.items()}
    assert weights == {"adversarial_target": 2.0, "nce_source": 3.0, "nce_target": 0.5}


def passes(model, batch, wrapper):
    """Images that pass the first layer of the generator, of the decoder and the discriminator in a step."""
    network = model.generators["target"]
    counts = {"encoder": 0, "decoder": 0, "discriminator": 0}
    layers = {"encoder": network.encoder, "decoder": network.decoder, "discriminator": model.discriminators["target"]}
    for name, layer in layers.items():
        first = layer[0] if name == "encoder" else layer

        def count(module, inputs, name=name):
            counts[name] += len(inputs[0])

        first.register_forward_pre_hook(count)
    model.train_step(batch, wrapper)
    return counts


def test_each_image_is_encoded_once_and_its_translation_once(build):
    model, wrapper, batch = build()
    assert passes(model, batch, wrapper) == {"encoder": 8, "decoder": 4, "discriminator": 6}


def test_without_weight_the_contrast_of_target_images_is_not_computed(build):
    model, wrapper, batch = build(lambda_nce_identity=0.0)
    assert passes(model, batch, wrapper) == {"encoder": 4, "decoder": 2, "discriminator": 6}


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("fast", [False, True])
def test_a_step_updates_generator_heads_and_discriminator(build, precision, fast):
    model, wrapper, batch = build(precision, fast=fast)
    networks = [model.generators["target"], *model.generators["heads"].layers, model.discriminators["target"]]
    before = [snapshot(network) for network in networks]
    model.train_step(batch, wrapper)
    assert all(changed(network, then) for network, then in zip(networks, before, strict=True))


def test_the_contrast_alone_trains_the_encoder_through_the_translation(build):
    """Keys are constants: without a gradient through the translated image the decoder would get none."""
    model, wrapper, batch = build(lambda_adversarial=0.0)
    before = snapshot(model.generators["target"].decoder)
    model.train_step(batch, wrapper)
    assert changed(model.generators["target"].decoder, before)


def test_keys_get_no_gradient(build):
    model, _, batch = build()
    generated = model.generate(batch)
    assert not any(generated[name].requires_grad for name in generated if name.startswith("keys"))
    assert generated["fake"].requires_grad


def test_the_discriminator_is_updated_first(build):
    model, wrapper, batch = build()
    with torch.no_grad():
        fake = model.generators["target"](batch["source"])
        before = (model.discriminators["target"](fake) - 1).square().mean()
    logged = model.train_step(batch, wrapper)
    assert not torch.allclose(logged["adversarial_target"], before, atol=1e-7)


def test_mirroring_keeps_places_at_sizes_that_the_generator_must_fill_up(build):
    """A generator that does nothing is equivariant: mirrored or not, pixels must find themselves."""
    model, _, batch = build(fast=True, size=(13, 19), patches=320)
    network = model.generators["target"]
    model.generators["heads"].layers = model.generators["heads"].layers[:1]
    network.forward_with_features = lambda images: (images, [images])
    network.features = lambda images: [images]
    found = {}
    for _ in range(16):
        generated = model.generate(batch)
        found[bool(generated["mirrored"])] = model._contrast(generated)
    torch.testing.assert_close(found[True], found[False], atol=1e-3, rtol=1e-3)


def test_places_and_mirroring_go_on_where_a_checkpoint_left_them(build):
    straight, wrapper, batch = build(fast=True)
    straight.train_step(batch, wrapper)
    resumed, _, _ = build(fast=True, seed=1)
    resumed.load_training_state(straight.training_state())
    assert torch.equal(torch.rand(4, generator=resumed._draw), torch.rand(4, generator=straight._draw))
    assert resumed._steps == 1


def test_losses_in_bf16_are_close_to_those_in_fp32(build):
    logged = {}
    for precision in ("fp32", "bf16"):
        model, wrapper, batch = build(precision)
        logged[precision] = model.train_step(batch, wrapper)
        assert all(value.dtype is torch.float32 for value in logged[precision].values())
    for name in ("adversarial_target", "nce_source", "nce_target", "discriminator_target"):
        torch.testing.assert_close(logged["bf16"][name], logged["fp32"][name], atol=0.02, rtol=0.05, msg=name)


@pytest.mark.parametrize("value", [-1.0, 0.0, 1.0])
@pytest.mark.parametrize("fast", [False, True])
def test_constant_images_make_a_finite_step(build, value, fast):
    model, wrapper, batch = build(fast=fast)
    logged = model.train_step({side: torch.full_like(images, value) for side, images in batch.items()}, wrapper)
    assert all(torch.isfinite(value) for value in logged.values())
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())


def test_weights_depend_on_the_seed(build):
    first, second, other = (build(seed=seed)[0] for seed in (0, 0, 1))
    assert not changed(first, snapshot(second))
    assert changed(first.generators["heads"], snapshot(other.generators["heads"]))
    assert changed(first.generators["target"], snapshot(other.generators["target"]))
