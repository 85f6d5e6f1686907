"""The suite for translators: one that keeps its contract passes, and each check fails for one that breaks it."""

import pytest
import torch

from benchmark import HasAttentionMaps, HasLogits, HasPixelAttention, Invertible, MultiVariant, UsageError
from benchmark.testing import TranslatorConformance

ABILITIES = "test_it_has_the_abilities_that_are_declared"
ANY_SIZE = "test_images_of_any_size_are_taken"
ONE_COLOUR = "test_images_of_one_colour_are_taken"
ALONE = "test_an_image_gives_the_same_alone_and_among_others"
EACH_TIME = "test_an_image_gives_the_same_each_time"
IMAGES_LEFT = "test_images_given_to_it_are_left_as_they_were"
TRAINING_LEFT = "test_training_images_are_left_as_they_were"
SAME_SEED = "test_the_same_seed_gives_the_same_result"
OTHER_SEED = "test_another_seed_gives_another_result"
LOADED = "test_a_loaded_plugin_gives_what_the_saved_one_gave"
ODD = "test_training_images_of_odd_size_are_taken"
ONE_IMAGE = "test_one_image_in_a_step_and_in_a_domain_is_enough"
PLAIN = "test_training_images_of_one_colour_leave_results_finite"
INTERRUPTED = "test_an_interrupted_training_ends_as_an_uninterrupted_one"
BF16 = "test_a_training_in_bf16_ends_close_to_one_in_fp32"
VARIANTS = "test_its_variants_are_as_many_as_it_says_and_differ"
REFUSED = "test_wrong_use_is_refused_with_a_clear_error"


FORMS = (ODD, ONE_COLOUR, ONE_IMAGE, PLAIN, BF16)
"""All other checks that look at the form of outputs."""

BROKEN = {}


def broken(check, says, *others):
    """Registers a way to break the toy: the check that must fail, what it must say, and checks that fail with it."""

    def register(change):
        BROKEN[change.__name__] = (change, check, says, others)
        return change

    return register


@broken(ANY_SIZE, "translate(images, variant=0) of images of shape (1, 3, 1, 1): expected finite values, but 3 of 3")
def undefined_for_a_single_pixel(tint):
    def translate(self, images, variant=0):
        deviation = images.sub(images.mean((2, 3), keepdim=True)).square().sum((2, 3), keepdim=True)
        return tint.translate(self, images, variant) + 0 * deviation / (images[0, 0].numel() - 1)

    return {"translate": translate}


@broken(ANY_SIZE, "expected shape (1, 3, 1, 1), but (1, 3, 4, 4) came", ODD)
def padded_and_not_cropped(tint):
    def translate(self, images, variant=0):
        height, width = (-side % 4 for side in images.shape[2:])
        padded = torch.nn.functional.pad(images, (0, width, 0, height), "replicate")
        return tint.translate(self, padded, variant)

    return {"translate": translate}


@broken(ANY_SIZE, "inverse(images) of images of shape (1, 3, 20, 28): expected torch.float32, but", *FORMS)
def inverts_in_double_precision(tint):
    return {"inverse": lambda self, images: tint.inverse(self, images).double()}


@broken(ANY_SIZE, "attention_maps(images) of images of shape (1, 3, 20, 28): expected values in [0, 1]", *FORMS)
def attends_beyond_one(tint):
    return {"attention_maps": lambda self, images: 1.5 + tint.attention_maps(self, images)}


@broken(ANY_SIZE, "attention_from(images, 0, 0) of images of shape (1, 3, 20, 28): expected shape (1, 1,", *FORMS)
def points_with_three_channels(tint):
    return {"attention_from": lambda self, images, row, column: images}


@broken(ONE_COLOUR, "inverse(images) of images of shape (3, 3, 20, 28): expected finite values, but 1680 of 5040")
def undefined_for_white(tint):
    return {"inverse": lambda self, images: tint.inverse(self, images) + 0 * (1 - images).log()}


@broken(ALONE, "expected at most 0.0001 between them, but translate(images, variant=0) is")
def centred_over_the_batch(tint):
    def translate(self, images, variant=0):
        return tint.translate(self, images - images.mean((0, 2, 3), keepdim=True) + 0.5, variant)

    return {"translate": translate}


@broken(EACH_TIME, "the same images twice", ALONE, SAME_SEED, LOADED, INTERRUPTED)
def noise_in_each_translation(tint):
    def translate(self, images, variant=0):
        return tint.translate(self, images + 0.01 * torch.randn(3, 1, 1), variant)

    return {"translate": translate}


@broken(IMAGES_LEFT, "images before and after they were given to it")
def clamps_what_it_was_given(tint):
    return {"inverse": lambda self, images: tint.inverse(self, images.clamp_(0.2, 1))}


@broken(TRAINING_LEFT, "the target images before and after fit")
def darkens_training_images(tint):
    def check(self, source, target):
        target.images[:] = target.images // 2

    return {"check": check}


@broken(SAME_SEED, "two fits with seed 0 (is every random number from context.generator", INTERRUPTED)
def unseeded(tint):
    return {"start": lambda self, context: {"tint": torch.rand(3), "momentum": torch.zeros(3)}}


@broken(OTHER_SEED, "two fits with seeds 0 and 1: expected different bits, but translate(images, variant=0)")
def blind_to_the_seed(tint):
    def fit(self, source, target, context):
        context.seed = 0
        tint.fit(self, source, target, context)

    return {"fit": fit}


@broken(LOADED, "inverse(images) differs in 100.0% of values, by up to")
def saves_half_of_itself(tint):
    def finish(self, state):
        tint.finish(self, state)
        self.back = 0.1 * state["tint"]

    def inverse(self, images):
        return (images + self.back[:, None, None]).clamp(0, 1)

    return {"back": torch.zeros(3), "finish": finish, "inverse": inverse}


@broken(ODD, "the size of dim 3 (27)")
def halves_training_images(tint):
    def batch(self, *args):
        return tint.batch(self, *args).unflatten(3, (-1, 2)).mean(4)

    return {"batch": batch}


@broken(ONE_IMAGE, "translate(images, variant=0) of images of shape (3, 3, 20, 28): expected finite values")
def divides_by_the_deviation_over_the_batch(tint):
    def step(self, state, source, target, context):
        deviation = source.sub(source.mean(0)).square().sum(0) / (len(source) - 1)
        return tint.step(self, state, source + 0 * deviation, target, context)

    return {"step": step}


@broken(PLAIN, "expected finite values, but 6720 of 6720 are NaN or infinite")
def divides_by_the_deviation_of_the_target(tint):
    def step(self, state, source, target, context):
        return tint.step(self, state, source, target / target.std() * target.std(), context)

    return {"step": step}


@broken(PLAIN, "expected finite values, but 6720 of 6720 are NaN or infinite")
def divides_by_the_brightness_of_the_source(tint):
    def step(self, state, source, target, context):
        return tint.step(self, state, source / source.mean() * source.mean(), target, context)

    return {"step": step}


@broken(INTERRUPTED, "a training interrupted twice and one that was not (a checkpoint needs all")
def forgets_its_momentum(tint):
    return {"kept": lambda self, state: state | {"momentum": torch.zeros(3)}}


@broken(INTERRUPTED, "expected it to go on at its last checkpoint, but it started over")
def starts_over(tint):
    def fit(self, source, target, context):
        context.last_checkpoint = lambda: None
        tint.fit(self, source, target, context)

    return {"fit": fit}


@broken(INTERRUPTED, "expected it to come by there, but it ended before")
def stops_where_it_was_interrupted(tint):
    def fit(self, source, target, context):
        found = context.last_checkpoint()
        if found is None:
            tint.fit(self, source, target, context)
        else:
            self.finish(found[1])

    return {"fit": fit}


@broken(INTERRUPTED, "expected at least 4 calls of context.log, context.checkpoint or context.progress in a training")
def says_nothing(tint):
    def fit(self, source, target, context):
        context.log = context.checkpoint = lambda *args, **scalars: None
        tint.fit(self, source, target, context)

    return {"fit": fit}


@broken(BF16, "expected at most 0.08 between them on average, but it is")
def steps_too_far_in_bf16(tint):
    def step(self, state, source, target, context):
        return tint.step(self, state, source, target + 0.3 * (context.precision == "bf16"), context)

    return {"step": step}


@broken(BF16, "expected finite values", INTERRUPTED)
def overflows_in_bf16(tint):
    def step(self, state, source, target, context):
        return tint.step(self, state, source, target / float(context.precision != "bf16"), context)

    return {"step": step}


@broken(VARIANTS, "expected 3 different variants, but variant 2 equals variant 1")
def counts_a_variant_it_has_not(tint):
    return {"variants": 3, "translate": lambda self, images, variant=0: tint.translate(self, images, min(variant, 1))}


@pytest.mark.parametrize("name", BROKEN)
def test_a_check_fails_for_a_translator_that_breaks_what_it_checks_and_no_other_does(name, tint, suite_of, failures):
    change, check, says, others = BROKEN[name]
    said = failures(suite_of(type("Broken", (tint,), change(tint))))
    assert set(said) == {check, *others}
    assert says in said[check]


@pytest.mark.parametrize("needs", [(), ("source_labels",), ("paired",), ("source_segmenter",)])
def test_a_translator_that_keeps_its_contract_passes_every_check(tint, suite_of, failures, needs):
    suite = suite_of(tint, needs=needs, refused=[({"batch_size": 7}, "at most 6, but it is 7")])
    assert failures(suite) == {}


@pytest.mark.parametrize("needs", [(), ("source_labels",), ("paired",), ("source_segmenter",)])
def test_fit_is_given_what_the_translator_needs_and_no_more(tint, suite_of, tmp_path, needs):
    def fit(self, source, target, context):
        self.given = {"source_labels": source.labels is not None, "paired": source.ids == target.ids}
        self.given["source_segmenter"] = isinstance(context.source_segmenter, HasLogits)
        assert target.labels is None

    given = suite_of(type("Noting", (tint,), {"fit": fit}), needs=needs)().fit(tmp_path).plugin.given
    assert {need for need, there in given.items() if there} == set(needs)


def test_abilities_must_be_those_declared(tint, suite_of, failures):
    no_longer = type("Mistyped", (tint,), {"attention_maps": None})
    said = failures(suite_of(no_longer, abilities=(Invertible, MultiVariant, HasAttentionMaps, HasPixelAttention)))
    assert "abilities names HasAttentionMaps, but the method of HasAttentionMaps is not there" in said[ABILITIES]
    said = failures(suite_of(tint, abilities=(MultiVariant, HasAttentionMaps, HasPixelAttention)))
    assert set(said) == {ABILITIES}
    assert "it is Invertible, but TestIt.abilities does not say so; add Invertible there" in said[ABILITIES]


@pytest.mark.parametrize(("count", "says"), [(0, "expected at least 1, but 0"), (2.0, "a whole number, but 2.0 came")])
def test_a_number_of_variants_that_is_none_is_named(tint, suite_of, count, says):
    suite = suite_of(tint)
    fitted = suite().uninterrupted_fit().plugin
    fitted.variants = count
    with pytest.raises(AssertionError, match=says):
        getattr(suite(), VARIANTS)()


@pytest.mark.parametrize(
    ("refused", "says"),
    [
        ({"batch_size": 3}, "expected a BenchError 'at most 6', but no error came"),
        ({"batch_size": 99}, "expected a BenchError 'at most 6', but ValueError came: 99"),
        ({"batch_size": 7}, "expected a BenchError 'at most 6', but seven"),
    ],
)
def test_wrong_use_must_be_refused_by_an_error_of_the_users(tint, suite_of, tmp_path, refused, says):
    def check(self, source, target):
        if self.options.batch_size == 99:
            raise ValueError(99)
        if self.options.batch_size == 7:
            raise UsageError("seven")

    suite = suite_of(type("Lenient", (tint,), {"check": check}), refused=[(refused, "at most 6")])
    with pytest.raises(AssertionError, match=says):
        getattr(suite(), REFUSED)(tmp_path)


def test_checks_that_do_not_apply_are_not_there(tint, suite_of):
    learnt = {OTHER_SEED, INTERRUPTED, BF16}
    assert {name for name in (*learnt, VARIANTS) if getattr(suite_of(tint), name)} == {*learnt, VARIANTS}
    assert not [name for name in learnt if getattr(suite_of(tint, learns=False), name)]
    assert getattr(suite_of(tint, abilities=()), VARIANTS) is None
    assert getattr(suite_of(tint), REFUSED) is None


def test_a_suite_that_makes_nothing_says_what_to_write():
    class TestNothing(TranslatorConformance):
        pass

    with pytest.raises(NotImplementedError, match="TestNothing: expected a method make"):
        TestNothing().uninterrupted_fit()
