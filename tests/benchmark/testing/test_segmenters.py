"""The suite for segmenters: one that keeps its contract passes, and each check fails for one that breaks it."""

import pytest
import torch

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
REFUSED = "test_wrong_use_is_refused_with_a_clear_error"
AGREE = "test_logits_agree_with_predictions"
GRADIENTS = "test_gradients_of_logits_reach_the_images_and_no_weight"
TARGET_LABELS = "test_labels_of_the_target_are_not_used"
IGNORED = "test_a_training_image_of_ignored_pixels_leaves_results_finite"
VALIDATION = "test_a_validation_set_is_taken_and_left_as_it_was"
VARIANTS = "test_every_variant_of_the_training_images_is_used"
ADAPTED = "test_adapted_statistics_are_those_of_the_images_alone"
ADAPTED_SAVED = "test_adapted_statistics_are_saved"
OPTIONS = "test_its_options_refuse_unknown_names"

FORMS = (ANY_SIZE, ONE_COLOUR, ODD, ONE_IMAGE, PLAIN, BF16, IGNORED, VALIDATION)
"""All checks that look at the form of outputs."""

BROKEN = {}


def broken(check, says, *others):
    """Registers a way to break the toy: the check that must fail, what it must say, and checks that fail with it."""

    def register(change):
        BROKEN[change.__name__] = (change, check, says, others)
        return change

    return register


@broken(ANY_SIZE, "predict(images) of images of shape (1, 3, 20, 28): expected torch.uint8, but torch.int64", *FORMS)
def predicts_long_integers(shades):
    return {"predict": lambda self, images: self.logits(images).argmax(1)}


@broken(ANY_SIZE, "expected train ids below 3, but 255 came (255 stands in labels alone", *FORMS, AGREE)
def predicts_ignore(shades):
    return {"predict": lambda self, images: shades.predict(self, images).fill_(255)}


@broken(ANY_SIZE, "predict(images) of images of shape (1, 3, 1, 1): expected shape (1, 1, 1), but (1, 4, 4) came", ODD)
def padded_and_not_cropped(shades):
    def logits(self, images):
        height, width = (-side % 4 for side in images.shape[2:])
        return shades.logits(self, torch.nn.functional.pad(images, (0, width, 0, height), "replicate"))

    return {"logits": logits}


def deviation(images):
    return images.std((1, 2, 3), keepdim=True)


@broken(ONE_COLOUR, "logits(images): expected finite values, but 5040 of 5040 are NaN", PLAIN)
def divides_by_the_deviation(shades):
    return {"logits": lambda self, images: shades.logits(self, images) + 0 / deviation(images)}


@broken(ALONE, "expected logits at most 0.01 standard deviations apart, but they are")
def normalises_over_the_batch(shades):
    def logits(self, images):
        return shades.logits(self, images) * (1 + images.std(0, correction=0).amax())

    return {"logits": logits}


@broken(ALONE, "expected at most 1.0% of pixels to change class, but")
def predicts_by_the_batch(shades):
    def predict(self, images):
        return (shades.logits(self, images).argmax(1).byte() + (len(images) > 1)) % 3

    return {"predict": predict, "logits": None}


@broken(EACH_TIME, "the same images twice", ALONE, SAME_SEED, LOADED, INTERRUPTED, GRADIENTS, TARGET_LABELS)
def drops_out_in_evaluation(shades):
    return {"logits": lambda self, images: shades.logits(self, images + 0.02 * torch.randn(images.shape))}


@broken(IMAGES_LEFT, "images before and after they were given to it")
def clamps_what_it_was_given(shades):
    def predict(self, images):
        found = shades.logits(self, images).argmax(1).byte()
        images.clamp_(0.2, 1)
        return found

    return {"predict": predict, "logits": None}


@broken(TRAINING_LEFT, "the source images before and after fit")
def rewrites_training_labels(shades):
    def check(self, train, target):
        train.labels[:, 0] = 0
        train.labels[:, -1] = 1

    return {"check": check}


@broken(SAME_SEED, "two fits with seed 0 (is every random number from context.generator", INTERRUPTED, TARGET_LABELS)
def unseeded(shades):
    return {"start": lambda self, context: {"shades": torch.rand(3, 3), "momentum": torch.zeros(3, 3)}}


@broken(OTHER_SEED, "two fits with seeds 0 and 1: expected different bits, but predict(images), logits(images) gave")
def blind_to_the_seed(shades):
    def fit(self, train, target, validation, context):
        context.seed = 0
        shades.fit(self, train, target, validation, context)

    return {"fit": fit}


@broken(LOADED, "logits(images) differs in 100.0% of values, by up to")
def saves_half_of_itself(shades):
    def finish(self, state):
        shades.finish(self, state)
        self.scale = 1 + state["momentum"].abs().sum()

    def logits(self, images):
        return shades.logits(self, images) * self.scale

    return {"scale": 1.0, "finish": finish, "logits": logits}


@broken(ODD, "the size of dim 3 (27)")
def halves_training_images(shades):
    def step(self, state, images, labels, context):
        images.unflatten(3, (-1, 2))
        return shades.step(self, state, images, labels, context)

    return {"step": step}


@broken(ONE_IMAGE, "logits(images): expected finite values", IGNORED)
def divides_by_the_deviation_over_the_batch(shades):
    def step(self, state, images, labels, context):
        zeros = torch.zeros(len(images)) / (len(images) - 1)
        return shades.step(self, state, images + zeros[:, None, None, None], labels, context)

    return {"step": step}


@broken(PLAIN, "logits(images): expected finite values")
def divides_by_the_brightness(shades):
    def step(self, state, images, labels, context):
        return shades.step(self, state, images / images.mean() * images.mean(), labels, context)

    return {"step": step}


@broken(IGNORED, "logits(images): expected finite values")
def means_over_no_pixel(shades):
    def step(self, state, images, labels, context):
        nothing = 0 * images.permute(0, 2, 3, 1)[labels != 255].mean()
        state = shades.step(self, state, images, labels, context)
        return state | {"shades": state["shades"] + nothing}

    return {"step": step}


@broken(INTERRUPTED, "a training interrupted twice and one that was not (a checkpoint needs all")
def forgets_its_momentum(shades):
    return {"kept": lambda self, state: state | {"momentum": torch.zeros(3, 3)}}


@broken(INTERRUPTED, "expected it to go on at its last checkpoint, but it started over")
def starts_over(shades):
    def fit(self, train, target, validation, context):
        context.last_checkpoint = lambda: None
        shades.fit(self, train, target, validation, context)

    return {"fit": fit}


@broken(BF16, "expected at most 20% of pixels")
def learns_nothing_in_bf16(shades):
    def finish(self, state):
        self.shades = state["shades"].flip(0) if self.rough else state["shades"]

    def step(self, state, images, labels, context):
        self.rough = context.precision == "bf16"
        return shades.step(self, state, images, labels, context)

    return {"finish": finish, "step": step}


@broken(AGREE, "expected the largest one to be that of the predicted class, but it is in")
def predicts_without_its_logits(shades):
    return {"predict": lambda self, images: shades.logits(self, images).argmin(1).byte()}


@broken(GRADIENTS, "expected a gradient to the images, but there is none (no_grad inside?)")
def gives_logits_without_gradient(shades):
    return {"logits": torch.no_grad()(shades.logits)}


@broken(GRADIENTS, "expected no gradient to the network's weights, but weight has one")
def lets_gradients_into_its_weights(shades):
    def finish(self, state):
        self.scale = torch.nn.Conv2d(3, 3, 1, bias=False)
        self.scale.weight.data.copy_(torch.eye(3)[:, :, None, None])
        shades.finish(self, state)

    def logits(self, images):
        return self.scale(shades.logits(self, images))

    def load(self, folder):
        shades.load(self, folder)
        self.finish({"shades": self.shades})

    return {"finish": finish, "logits": logits, "load": load}


@broken(TARGET_LABELS, "fits with a target set without labels and with labels (are they used?)")
def peeks_at_target_labels(shades):
    def finish(self, state):
        self.shades = state["shades"] + (0.1 if self.peeked else 0)

    def check(self, train, target):
        self.peeked = target.labels is not None

    return {"finish": finish, "check": check}


@broken(VALIDATION, "AttributeError", VALIDATION)
def refuses_a_validation_set(shades):
    def fit(self, train, target, validation, context):
        if validation is not None:
            validation.score(self)
        shades.fit(self, train, target, validation, context)

    return {"fit": fit}


@broken(VALIDATION, "the validation images before and after fit: expected equal bits, but they differ")
def writes_into_the_validation_set(shades):
    def fit(self, train, target, validation, context):
        if validation is not None:
            validation.images[:] = 0
        shades.fit(self, train, target, validation, context)

    return {"fit": fit}


@broken(VARIANTS, "expected different results, but they are equal; draw a variant anew")
def takes_the_first_variant(shades):
    def batch(self, train, step, context):
        draw = torch.randint(len(train), (2,), generator=context.generator(f"batch {step}")).tolist()
        return train.image_batch(draw), train.label_batch(draw)

    return {"batch": batch}


@broken(OPTIONS, "Options: expected model_config['extra'] = 'forbid', but it is 'ignore'")
def takes_any_option(shades):
    from benchmark import PluginOptions

    return {"Options": type("Loose", (PluginOptions,), {"model_config": {"extra": "ignore"}})}


@pytest.mark.parametrize("name", BROKEN)
def test_a_check_fails_for_a_segmenter_that_breaks_what_it_checks_and_no_other_does(
    name, shades, segmenter_suite_of, failures
):
    change, check, says, others = BROKEN[name]
    said = failures(segmenter_suite_of(type("Broken", (shades,), change(shades))))
    assert set(said) == {check, *others}
    assert says in said[check]


def test_a_segmenter_that_keeps_its_contract_passes_every_check(shades, segmenter_suite_of, failures):
    assert failures(segmenter_suite_of(shades, refused=[({"batch_size": 7}, "at most 6, but it is 7")])) == {}


def test_gradients_that_a_training_left_in_the_weights_are_not_those_of_the_logits(
    shades, segmenter_suite_of, failures
):
    def finish(self, state):
        shades.finish(self, state)
        self.head = torch.nn.Linear(1, 1)
        self.head.weight.grad = torch.ones(1, 1)

    assert failures(segmenter_suite_of(type("LeavesGradients", (shades,), {"finish": finish}))) == {}


def test_the_nearest_colour_which_learns_nothing_passes_every_check_that_applies(failures):
    from benchmark import HasLogits
    from benchmark.testing import SegmenterConformance
    from benchmark.testing.nearest_colour import NearestColour

    suite = type(
        "TestNearest",
        (SegmenterConformance,),
        {"learns": False, "abilities": (HasLogits,), "make": lambda self, **changes: NearestColour()},
    )
    assert failures(suite) == {}
    assert not any(getattr(suite, name) for name in (OTHER_SEED, INTERRUPTED, BF16, VARIANTS))


def test_an_ability_that_is_not_declared_is_named(shades, segmenter_suite_of, failures):
    said = failures(segmenter_suite_of(shades, abilities=()))
    assert set(said) == {ABILITIES}
    assert "it is HasLogits, but TestIt.abilities does not say so; add HasLogits there" in said[ABILITIES]


def test_checks_that_do_not_apply_are_not_there(shades, segmenter_suite_of):
    assert getattr(segmenter_suite_of(shades, abilities=()), AGREE) is None
    assert getattr(segmenter_suite_of(shades), REFUSED) is None
    again = type("TestAgain", (segmenter_suite_of(shades, learns=False),), {"learns": True})
    assert callable(getattr(again, INTERRUPTED))


def adapting(shades, **changes):
    """The toy with a brightness that is subtracted from images; `changes` replace its methods."""

    def fit(self, train, target, validation, context):
        shades.fit(self, train, target, validation, context)
        self.brightness = torch.zeros(3)

    def adapt_statistics(self, target, context):
        self.brightness = target.image_batch(range(len(target))).mean((0, 2, 3)) - 0.5

    def logits(self, images):
        return shades.logits(self, images - self.brightness[:, None, None])

    def save(self, folder):
        shades.save(self, folder)
        torch.save(self.brightness, folder / "brightness.pt")

    def load(self, folder):
        shades.load(self, folder)
        self.brightness = torch.load(folder / "brightness.pt", weights_only=True)

    methods = {"fit": fit, "adapt_statistics": adapt_statistics, "logits": logits, "save": save, "load": load}
    return type("Adapting", (shades,), {**methods, **changes})


def keeps_half_of_the_old_statistics(self, target, context):
    new = target.image_batch(range(len(target))).mean((0, 2, 3)) - 0.5
    self.brightness = 0.5 * self.brightness + 0.5 * new


def looks_at_labels(self, target, context):
    self.brightness = target.image_batch([0]).mean((0, 2, 3)) - (0.4 if target.labels is None else 0.6)


def adapts_nothing(self, target, context):
    pass


def writes_into_the_images(self, target, context):
    self.brightness = target.image_batch(range(len(target))).mean((0, 2, 3)) - 0.5
    target.images[:, 0] = 0


def test_a_segmenter_that_adapts_its_statistics_passes_every_check(shades, segmenter_suite_of, failures):
    assert failures(segmenter_suite_of(adapting(shades))) == {}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (keeps_half_of_the_old_statistics, "the same after others (are old ones left?)"),
        (looks_at_labels, "the same with labels (are they used?)"),
        (adapts_nothing, "to target and to source images: expected different outputs, but they are equal"),
        (writes_into_the_images, "target images before and after adapt_statistics"),
    ],
)
def test_the_check_of_adapted_statistics_fails_for_what_breaks_it(shades, segmenter_suite_of, failures, change, says):
    said = failures(segmenter_suite_of(adapting(shades, adapt_statistics=change)))
    assert set(said) == {ADAPTED}
    assert says in said[ADAPTED]


def test_statistics_that_are_not_saved_are_found(shades, segmenter_suite_of, failures):
    def load(self, folder):
        shades.load(self, folder)
        self.brightness = torch.zeros(3)

    said = failures(segmenter_suite_of(adapting(shades, load=load)))
    assert set(said) == {ADAPTED_SAVED}
    assert "does save write the statistics?" in said[ADAPTED_SAVED]
