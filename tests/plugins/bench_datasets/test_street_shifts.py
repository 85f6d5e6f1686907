"""Each shifted look differs from the game by its own cause alone, measured on scenes painted with and without it."""

import tomllib
from dataclasses import fields, replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from bench_datasets import street_shifts, streets
from bench_datasets.options import Look as LookName
from bench_datasets.options import StreetsOptions
from bench_datasets.street_effects import add_colour_noise, compress
from bench_datasets.street_layout import lay_out
from bench_datasets.street_looks import CLASSES, GAME, LOOKS, Lamps, Material, Rain
from bench_datasets.street_paint import paint
from bench_datasets.street_shifts import CAUSES, combined, dusk, haze, looks_of_shift, night, rain, sensor, texture
from bench_datasets.streets import OVERSAMPLING, Streets
from benchmark import Scenario

SCENARIOS = Path(__file__).parents[3] / "configs" / "scenarios"
SHIFTS = (*CAUSES, "all")
CHANGES = [change for changes in CAUSES.values() for change in changes]
MAY_CHANGE = {
    "colour": {"paints", "sky"},
    "texture": {"paints"},
    "light": {"sun", "sky", "cloud", "haze", "shadow", "lamps"},
    "weather": {"exposure", "visibility", "haze", "sky", "cloud", "shadow", "rain"},
    "sensor": {"sharpen", "blur", "noise", "colour_noise", "jpeg"},
    "layout": {"habits"},
}
"""The parts of a look that each cause is about."""


def samples(shift, count=12, **options):
    data = Streets(StreetsOptions(look=f"game-{shift}", **options))
    return [data.sample("train", name) for name in data.ids("train")[:count]]


def laid_out(index):
    return lay_out(np.random.default_rng([index, 1]), GAME.habits, (128, 256))


def painted(look, index):
    """Image of a scene that depends on `index` alone, in [0, 1]."""
    return paint(laid_out(index), look, np.random.default_rng([index, 2]), OVERSAMPLING).astype(float) / 255


def pairs(look, count=8):
    """Images with and without a change, and what they show."""
    for index in range(count):
        layout = laid_out(index)
        yield painted(look, index), painted(GAME, index), streets._reduce(layout), layout


def grey(image):
    return image.mean(axis=-1)


def changed_parts(look):
    return {field.name for field in fields(look) if getattr(look, field.name) != getattr(GAME, field.name)}


@pytest.mark.parametrize("cause", CAUSES)
def test_a_cause_changes_all_its_parts_of_a_look_and_no_other(cause):
    changed = set().union(*(changed_parts(look) for look in looks_of_shift(f"game-{cause}")))
    assert changed == MAY_CHANGE[cause]


def test_colours_change_without_textures_and_textures_without_colours():
    (coloured,), (textured,) = looks_of_shift("game-colour"), looks_of_shift("game-texture")
    for material, own in GAME.paints.items():
        assert replace(coloured.paints[material], colours=own.colours) == own
        other = textured.paints[material]
        assert (other.colours, other.jitter) == (own.colours, own.jitter)


def test_every_shift_but_layout_and_all_shows_the_same_scenes():
    expected = [sample.label for sample in samples("colour")]
    for shift in ("texture", "light", "weather", "sensor"):
        np.testing.assert_array_equal([sample.label for sample in samples(shift)], expected)
    for shift in ("layout", "all"):
        assert (np.stack([sample.label for sample in samples(shift)]) != expected).mean() > 0.05


def test_the_scenes_of_shifts_are_none_of_the_game():
    game = Streets(StreetsOptions(look="game"))
    labels = [game.sample("train", name).label for name in game.ids("train")[:30]]
    for sample in samples("colour"):
        assert min((sample.label != label).mean() for label in labels) > 0.02


def test_only_other_habits_change_how_often_classes_are_seen():
    def shares(sampled):
        labels = np.stack([sample.label for sample in sampled])
        return np.bincount(labels.ravel(), minlength=len(CLASSES)) / labels.size

    game = Streets(StreetsOptions(look="game"))
    usual = shares([game.sample("train", name) for name in game.ids("train")[:60]])
    assert np.abs(shares(samples("colour", 60)) - usual).sum() < 0.06
    crowded = shares(samples("layout", 60))
    assert np.abs(crowded - usual).sum() > 0.4
    for name in ("person", "car", "sign", "pole"):
        assert crowded[CLASSES.index(name)] > 2 * usual[CLASSES.index(name)]


def test_persons_walk_on_the_road_and_cars_stand_on_sidewalks_in_other_habits_alone():
    def things(habits):
        random = np.random.default_rng(3)
        return [lay_out(random, habits, (128, 256)).label for _ in range(12)]

    crossing = replace(GAME.habits, crossing=1.0, persons=(6, 6))
    beside = replace(GAME.habits, persons=(6, 6))

    def middle(labels):
        """Share of persons in the middle third of the picture, where the road is."""
        persons = np.stack(labels) == CLASSES.index("person")
        return persons[:, :, 85:171].sum() / persons.sum()

    assert middle(things(crossing)) > 2 * middle(things(beside))
    parked = replace(GAME.habits, kerb_parking=1.0)
    assert (np.stack(things(parked)) != np.stack(things(GAME.habits))).mean() > 0.01


@pytest.mark.parametrize("name", ["road", "sidewalk", "building"])
def test_a_texture_varies_the_brightness_of_a_surface(name):
    spreads = []
    for textured, plain, label, _ in pairs(texture(GAME, 1.0)):
        where = label == CLASSES.index(name)
        spreads.append((grey(textured)[where].std(), grey(plain)[where].std()))
    after, before = np.mean(spreads, axis=0)
    assert after > 1.3 * before


def test_a_texture_keeps_the_mean_colour_of_a_surface_that_is_not_clipped():
    means = []
    for textured, plain, label, _ in pairs(texture(GAME, 1.0)):
        road = label == CLASSES.index("road")
        means.append((textured[road].mean(0), plain[road].mean(0)))
    after, before = np.mean(means, axis=0)
    np.testing.assert_allclose(after, before, atol=0.03)


@pytest.mark.parametrize("change", [dusk, night])
def test_less_light_comes_from_street_and_sky(change):
    for dark, day, label, _ in pairs(change(GAME, 1.0)):
        assert grey(dark).mean() < 0.8 * grey(day).mean()
        sky = label == CLASSES.index("sky")
        assert grey(dark)[sky].mean() < 0.6 * grey(day)[sky].mean()


def test_the_night_is_darker_than_the_dusk():
    for (dark, _, _, _), (twilight, _, _, _) in zip(pairs(night(GAME, 1.0)), pairs(dusk(GAME, 1.0)), strict=True):
        assert grey(dark).mean() < 0.9 * grey(twilight).mean()


def test_headlights_light_the_road_ahead_most_and_nothing_high_above_it():
    unlit = replace(GAME, exposure=(0.0, 0.0), haze=(0.0, 0.0, 0.0))
    for lit, _, label, layout in pairs(replace(unlit, lamps=Lamps(headlights=0.5))):
        ahead = layout.depth[0::2, 0::2]
        road = label == CLASSES.index("road")
        near, far = grey(lit)[road & (ahead < 8)], grey(lit)[road & (ahead > 25)]
        assert near.mean() > 2 * far.mean()
        walls = label == CLASSES.index("building")
        assert grey(lit)[:8][walls[:8]].mean() < 0.3 * near.mean()


def test_only_some_windows_and_all_tail_lamps_shine_by_night():
    dark = replace(GAME, exposure=(0.0, 0.0), haze=(0.0, 0.0, 0.0))
    brightness = {Material.WINDOW: [], Material.LAMP: [], Material.WALL: []}
    for index in range(8):
        layout = laid_out(index)
        image = grey(painted(replace(dark, lamps=Lamps(windows=0.5, glow=0.8)), index))
        material = layout.material[layout.surface][0::2, 0::2]
        for kind, found in brightness.items():
            whole = np.logical_and.reduce([np.roll(material == kind, step, axis) for axis in (0, 1) for step in (0, 1)])
            found += list(image[whole])
    windows = np.asarray(brightness[Material.WINDOW])
    assert 0.2 < (windows > 0.3).mean() < 0.8
    assert np.mean(brightness[Material.LAMP]) > 0.1
    assert np.mean(brightness[Material.WALL]) < 0.1


def test_lamps_leave_the_clouds_where_they_are():
    """What only some looks have is drawn apart from what all have."""
    lit = replace(GAME, lamps=Lamps(windows=0.5, glow=0.5))
    for shining, usual, label, _ in pairs(lit):
        sky = label == CLASSES.index("sky")
        assert np.abs(shining - usual)[sky].mean() < 0.01


def test_what_is_far_is_nearer_to_the_colour_of_the_haze_than_what_is_near():
    look = haze(GAME, 1.0)

    def distance(image):
        return np.abs(image - np.asarray(look.haze)).mean(-1)

    for hazy, clear, label, layout in pairs(look):
        depth = layout.depth[0::2, 0::2]
        far, near = (label != CLASSES.index("sky")) & (depth > 40), depth < 8
        assert distance(hazy)[far].mean() < 0.4 * distance(hazy)[near].mean()
        assert distance(hazy)[far].mean() < 0.6 * distance(clear)[far].mean()


def test_rain_darkens_the_ground_at_hand_and_puts_streaks_across_the_sky():
    look = rain(GAME, 1.0)
    for wet, dry, label, layout in pairs(look):
        ground = (label == CLASSES.index("sidewalk")) & (layout.depth[0::2, 0::2] < 8)
        assert grey(wet)[ground].mean() < 0.7 * grey(dry)[ground].mean()
    drops = replace(GAME, rain=Rain(drops=(100, 100), opacity=0.5))
    for wet, dry, _, _ in pairs(drops):
        streaks = np.abs(wet - dry).mean(-1) > 0.02
        along, across = (streaks[1:] & streaks[:-1]).sum(), (streaks[:, 1:] & streaks[:, :-1]).sum()
        assert along > 1.3 * across


def test_wet_ground_reflects_more_the_flatter_it_is_looked_at():
    wet = replace(GAME, rain=Rain(wetness=1.0), exposure=(0.0, 0.0), visibility=(1e6, 1e6))
    for shiny, _, label, layout in pairs(wet):
        road, depth = label == CLASSES.index("road"), layout.depth[0::2, 0::2]
        assert grey(shiny)[road & (depth > 20)].mean() > 1.5 * grey(shiny)[road & (depth < 6)].mean()


def test_a_poor_sensor_adds_noise_to_even_surfaces_and_softens_edges():
    def roughness(image, mask):
        """Median step between neighbours: markings and edges have no part in it."""
        inside = mask[:, 1:] & mask[:, :-1]
        return np.median(np.abs(np.diff(image, axis=1)).mean(-1)[inside])

    rough = []
    for poor, good, label, _ in pairs(sensor(GAME, 1.0)):
        road = label == CLASSES.index("road")
        rough.append((roughness(poor, road), roughness(good, road)))
    after, before = np.mean(rough, axis=0)
    assert after > 2 * before
    for soft, sharp, label, _ in pairs(replace(sensor(GAME, 1.0), noise=(0, 0), colour_noise=(0, 0), jpeg=(0, 0))):
        borders = label[:, 1:] != label[:, :-1]
        steps = [np.abs(np.diff(grey(image), axis=1))[borders].mean() for image in (soft, sharp)]
        assert steps[0] < 0.8 * steps[1]


def test_colour_noise_changes_neighbours_alike_and_leaves_the_brightness():
    random = np.random.default_rng(0)
    plain = np.full((64, 128, 3), 0.5, np.float32)
    noise = add_colour_noise(plain, (0.1, 0.1), random) - plain
    assert np.abs(noise.mean(-1)).max() < 1e-6
    assert noise.std() == pytest.approx(0.1, rel=0.01)
    assert np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1] > 0.7


def test_a_jpeg_of_low_quality_has_edges_between_its_blocks_and_zeros_leave_pixels_alone():
    image = (painted(GAME, 0) * 255).astype(np.uint8)
    random = np.random.default_rng(0)
    assert compress(image, (0.0, 0.0), random) is image
    steps = np.abs(np.diff(grey(compress(image, (8.0, 8.0), random).astype(float)), axis=1)).mean(0)
    at_blocks = np.arange(1, image.shape[1]) % 8 == 0
    plain = np.abs(np.diff(grey(image.astype(float)), axis=1)).mean(0)
    assert steps[at_blocks].mean() / steps[~at_blocks].mean() > 1.3 * plain[at_blocks].mean() / plain[~at_blocks].mean()


@pytest.mark.parametrize("cause", [cause for cause in CAUSES if cause != "layout"])
def test_a_cause_of_less_strength_leaves_a_picture_nearer_to_the_game(cause):
    def distance(strength):
        looks = combined({cause: strength})
        return np.mean([np.abs(painted(look, 1) - painted(GAME, 1)).mean() for look in looks])

    assert 0 < distance(0.3) < distance(1.0)


def test_all_has_every_combination_of_one_change_of_each_cause():
    looks = looks_of_shift("game-all")
    assert len(looks) == len(set(map(repr, looks))) == np.prod([len(changes) for changes in CAUSES.values()])
    rainy = set().union(*MAY_CHANGE.values())
    assert {frozenset(changed_parts(look)) for look in looks} == {
        frozenset(rainy),
        frozenset(rainy - {"rain", "exposure"}),
    }


def test_scenes_take_the_changes_of_a_cause_in_turn():
    def sky(sample):
        return np.median(grey(sample.image)[sample.label == CLASSES.index("sky")])

    skies = [sky(sample) for sample in samples("light")]
    assert max(skies[1::2]) < min(skies[0::2])


def test_every_cause_is_a_look_that_the_options_offer():
    assert set(get_args(LookName)) == {*LOOKS, *(f"game-{shift}" for shift in SHIFTS)}


def test_another_strength_is_another_data_set(monkeypatch):
    def prints():
        return {shift: Streets(StreetsOptions(look=f"game-{shift}")).fingerprint("train") for shift in SHIFTS}

    before = prints()
    monkeypatch.setattr(street_shifts, "ALL", street_shifts.ALL / 2)
    after = prints()
    assert len(set(before.values())) == len(SHIFTS)
    assert {shift for shift in SHIFTS if before[shift] != after[shift]} == {"all"}


@pytest.mark.parametrize("shift", SHIFTS)
def test_the_source_of_a_shift_is_that_of_streets(shift):
    def scenario(name):
        return Scenario(**tomllib.loads((SCENARIOS / f"{name}.toml").read_text()))

    found, usual = scenario(f"streets-{shift}"), scenario("streets")
    assert (found.source, found.size) == (usual.source, usual.size)
    assert found.target.options == {"look": f"game-{shift}"}
