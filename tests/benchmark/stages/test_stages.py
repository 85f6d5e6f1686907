"""What stages leave in their folders, and what they say when data or plugins break their contract."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from benchmark.api.imageset import ImageSet
from benchmark.errors import DataError
from benchmark.execution.driver import execute
from benchmark.execution.inline import InlineExecutor
from benchmark.plan.planner import make_plan
from benchmark.report.figures.gallery import read_samples
from benchmark.stages.inference import evenly_spaced
from benchmark.stages.preparation import resize_array
from benchmark.store.predictions import read_predictions


@pytest.fixture
def run(toys, store, diary):
    """Runs a matrix in this process; gives the finished folders by role of stage for one translator."""

    def run_matrix(matrix, translator="shift"):
        plan = make_plan(matrix, toys)
        execute(plan, store, InlineExecutor(), toys, listener=diary)
        [cell] = [cell for cell in plan.cells if cell.translator == translator]
        return {role: store.stage(role.kind, key).path for role, key in cell.stages.items()}

    return run_matrix


def prepared(store, look, split):
    for folder in (store.results / "stages" / "prepare").iterdir():
        spec = json.loads((folder / "stage.json").read_text())["spec"]
        if (spec["dataset"]["options"]["look"], spec["split"]) == (look, split):
            return ImageSet.open(folder)
    raise AssertionError((look, split))


def resized(dusk, size, **options):
    def side(side):
        return side.model_copy(update={"options": side.options | options})

    return dusk.model_copy(update={"size": size, "source": side(dusk.source), "target": side(dusk.target)})


def test_prepared_images_are_those_of_the_data_set_at_the_size_of_the_scenario(run, matrix_of, dusk, store, toys):
    run(matrix_of("shift", scenarios=(resized(dusk, (4, 6)),)))
    found = prepared(store, "night", "train")
    dots = toys.create(toys.find("dataset", "dots"), dusk.target.options)
    sample = dots.sample("train", "train-1")
    assert (found.ids, found.size) == (("train-0", "train-1", "train-2"), (4, 6))
    # to shrink by two is to average blocks of 2x2 pixels; rounding after each direction costs at most one step
    blocks = sample.image.reshape(4, 2, 6, 2, 3).mean(axis=(1, 3))
    assert np.abs(found.images[0, 1] - blocks).max() <= 1
    assert set(np.unique(found.labels)) <= {0, 1, 2}


def test_labels_areresize_array_to_ids_that_stand_there():
    label = np.array([[0, 255], [2, 1]], dtype=np.uint8)
    np.testing.assert_array_equal(resize_array(label, 4, 4, smooth=False), label.repeat(2, axis=0).repeat(2, axis=1))


@pytest.mark.parametrize(
    ("flaw", "line"),
    [
        ("id", "dataset 'dots', split 'train', sample 'train-0': expected label ids below 3 (or 255), found 7"),
        ("size", "sample 'train-0': expected a label of the image's size 8x12, but it is 4x12 (height x width)"),
    ],
)
def test_a_flawed_label_fails_with_the_name_of_its_sample(run, matrix_of, dusk, diary, flaw, line):
    run(matrix_of("shift", scenarios=(resized(dusk, (8, 12), flaw=flaw),)))
    assert {record["status"] for record in diary.records.values()} == {"failed"}
    assert line in diary.records["oracle", "nearest", 0]["reason"]


def test_an_empty_split_fails_in_one_line(run, matrix_of, dusk, diary):
    run(matrix_of("shift", scenarios=(resized(dusk, (8, 12), count=0),)))
    assert "split 'train' is empty" in diary.records["oracle", "nearest", 0]["reason"]


def test_translated_images_carry_the_labels_of_their_sources(run, matrix_of, store):
    folders = run(matrix_of("shift"))
    source, translated = prepared(store, "day", "train"), ImageSet.open(folders["translate"])
    shift = json.loads((folders["fit-translator"] / "model" / "weight.json").read_text())
    expected = np.clip(np.round(source.images.astype(float) + 255 * shift), 0, 255)
    assert np.abs(translated.images - expected).max() <= 1
    assert shift < -0.1
    np.testing.assert_array_equal(translated.labels, source.labels)
    assert translated.ids == source.ids


def test_all_variants_are_stored(run, matrix_of):
    translated = ImageSet.open(run(matrix_of("twofold"), "twofold")["translate"])
    assert translated.variants == 2
    assert translated.images[1].mean() < 0.95 * translated.images[0].mean()


def test_pictures_show_source_translated_and_the_way_back(run, matrix_of, store):
    folders = run(matrix_of("shift"))
    pictures = sorted((folders["translate"] / "pictures").iterdir())
    assert [path.name for path in pictures] == ["translation-0.png", "translation-1.png", "translation-2.png"]
    strip = np.asarray(Image.open(pictures[1]))
    source, translated = prepared(store, "day", "train"), ImageSet.open(folders["translate"])
    assert strip.shape == (8, 36, 3)
    np.testing.assert_array_equal(strip[:, :12], source.images[0, 1])
    np.testing.assert_array_equal(strip[:, 12:24], translated.images[0, 1])
    assert np.abs(strip[:, 24:].astype(int) - strip[:, :12]).max() <= 1


def named_panels(path):
    with Image.open(path) as picture:
        names = json.loads(picture.info["columns"])
        return dict(zip(names, np.split(np.asarray(picture), len(names), axis=1), strict=True))


def test_pictures_name_their_panels(run, matrix_of):
    folder = run(matrix_of("shift"))["translate"] / "pictures"
    assert list(named_panels(folder / "translation-0.png")) == ["source", "translated", "cycled"]


def test_what_a_translator_looks_at_is_shown_over_its_source(run, matrix_of):
    folder = run(matrix_of("gazing"), "gazing")["translate"] / "pictures"
    columns = [named_panels(folder / f"translation-{number}.png") for number in range(3)]
    assert list(columns[0]) == ["source", "translated", "cycled", "attention", "attention from +"]
    bright = columns[0]["source"].mean(-1)
    attention = columns[0]["attention"].mean(-1)
    assert attention[bright > 150].min() > attention[bright < 80].max()
    crosses = [np.argwhere((column["attention from +"] == 255).all(-1)).mean(0).tolist() for column in columns]
    assert crosses == [[4, 6], [2, 3], [6, 9]]
    hot = columns[0]["attention from +"].astype(int)
    assert hot[4, 0].sum() > hot[0, 0].sum() + 100


@pytest.mark.parametrize(("translator", "stored"), [("gazing", 9), ("twofold", 2)])
def test_variants_have_a_strip_of_eight_however_many_are_stored(run, matrix_of, translator, stored):
    folders = run(matrix_of(translator, "shift"), translator)
    columns = named_panels(folders["translate"] / "pictures" / "variants-0.png")
    assert list(columns) == ["source", *(f"variant {number}" for number in range(8))]
    translations = ImageSet.open(folders["translate"])
    assert translations.variants == stored
    last = min(stored, 8) - 1
    np.testing.assert_array_equal(columns[f"variant {last}"], translations.images[last, 0])


def test_a_translator_of_one_output_has_no_strip_of_variants(run, matrix_of):
    folder = run(matrix_of("shift"))["translate"] / "pictures"
    assert list(folder.glob("variants-*")) == []


def test_a_column_that_cannot_be_drawn_is_left_out_with_a_warning(run, matrix_of, diary):
    matrix = matrix_of("gazing")
    brighter = tuple(
        replace(c, options=c.options | {"gain": 3.0}) if c.name == "gazing" else c for c in matrix.translators
    )
    folder = run(replace(matrix, translators=brighter), "gazing")["translate"]
    assert diary.records["gazing", "nearest", 0]["status"] == "done"
    columns = ["source", "translated", "cycled", "attention from +"]
    assert list(named_panels(folder / "pictures" / "translation-0.png")) == columns
    log = (folder / "stage.log").read_text()
    assert "column 'attention' cannot be drawn: " in log
    assert "but 0 to 1 was expected" in log


def test_pictures_are_spread_over_the_set():
    assert evenly_spaced(10, 4) == [0, 3, 6, 9]
    assert evenly_spaced(2, 4) == [0, 1]
    assert evenly_spaced(1, 4) == [0]


def test_the_predictions_of_the_whole_test_set_are_stored(run, matrix_of, store):
    predictions = read_predictions(run(matrix_of("shift"))["predict"])
    test = prepared(store, "night", "val")
    assert predictions.ids == test.ids
    assert (predictions.maps.shape, predictions.maps.dtype) == (test.labels.shape, np.uint8)
    assert (predictions.maps == test.labels).mean() > 0.9


def test_samples_for_pictures_are_stored_predictions_beside_their_images_and_labels(run, matrix_of, store):
    folder = run(matrix_of("shift"))["predict"]
    samples, test = read_samples(folder), prepared(store, "night", "val")
    np.testing.assert_array_equal(samples.images, test.images[0])
    np.testing.assert_array_equal(samples.labels, test.labels)
    np.testing.assert_array_equal(samples.predictions, read_predictions(folder).maps)


def test_damaged_predictions_are_one_line(tmp_path):
    (tmp_path / "predictions.npz").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(DataError, match="expected stored predictions, but they cannot be read"):
        read_predictions(tmp_path)


def test_source_labels_are_given_to_a_translator_that_declares_the_need(run, matrix_of, diary):
    run(matrix_of("label-guided", "shift"), "label-guided")
    assert diary.records["label-guided", "nearest", 0]["status"] == "done"
    assert diary.records["shift", "nearest", 0]["status"] == "done"


def test_the_auxiliary_segmenter_of_a_translator_is_the_source_only_model(run, matrix_of, diary, store):
    folders = run(matrix_of("guided"), "guided")
    record = diary.records["guided", "nearest", 0]
    assert record["status"] == "done"
    facts = json.loads((folders["fit-translator"] / "result.json").read_text())["facts"]
    key = diary.records["source-only", "nearest", 0]["stages"]["fit-segmenter"]["key"]
    weight = json.loads((store.stage("fit-segmenter", key).path / "model" / "weight.json").read_text())
    assert facts["learnt"] == weight
    assert 0 < facts["seen"] < 2


def test_the_auxiliary_segmenter_of_a_metric_is_the_oracle_model(run, matrix_of, diary, store):
    run(matrix_of("shift", metrics=("accuracy", "agreement"), steps=9))
    record = diary.records["shift", "nearest", 0]
    key = diary.records["oracle", "nearest", 0]["stages"]["fit-segmenter"]["key"]
    weight = json.loads((store.stage("fit-segmenter", key).path / "model" / "weight.json").read_text())
    details = record["details"]["agreement"]
    assert (details["learnt"], details["batches"]) == (weight, 1)
    assert record["metrics"]["agreement"] > 0.8
    assert details["conditions"]["auxiliary_segmenter"].startswith("nearest ")


def test_numbers_of_other_auxiliary_segmenters_are_told_apart(run, matrix_of, diary, choose):
    def auxiliary_segmenter(**options):
        run(matrix_of("shift", metrics=("agreement",), auxiliary_segmenter=choose("segmenter", "nearest", **options)))
        return diary.records["shift", "nearest", 0]["details"]["agreement"]["conditions"]["auxiliary_segmenter"]

    assert auxiliary_segmenter(steps=2) == auxiliary_segmenter(steps=2, pause=0.001) != auxiliary_segmenter(steps=3)


def test_a_metric_may_ask_the_translator(run, matrix_of, diary):
    run(matrix_of("shift", metrics=("accuracy", "round-trip", "spread", "agreement")))
    metrics = diary.records["shift", "nearest", 0]["metrics"]
    assert metrics["round-trip"] < 1 / 255
    assert set(metrics) == {"accuracy", "round-trip", "spread", "agreement"}


def test_a_metric_over_variants_sees_all_that_are_stored(run, matrix_of, diary):
    run(matrix_of("shift", "twofold", metrics=("accuracy", "spread", "difference")))
    spread = {name: diary.records[name, "nearest", 0]["metrics"]["spread"] for name in ("shift", "twofold")}
    assert spread["shift"] == 0
    assert spread["twofold"] > 0.02


def test_metrics_over_the_test_split_see_images_that_no_translator_learnt_from(run, matrix_of, dusk, store):
    held_out = dusk.model_copy(update={"score_translations": "test"})
    folders = run(matrix_of("shift", scenarios=(held_out,), metrics=("difference",)))
    assert ImageSet.open(folders["translate:test"]).ids == ("val-0", "val-1", "val-2")
    shift = json.loads((folders["fit-translator"] / "model" / "weight.json").read_text())
    found = json.loads((folders["score-translation:difference"] / "metrics.json").read_text())["metrics"]["difference"]
    source = prepared(store, "day", "val").images.astype(float)
    expected = np.abs(np.clip(np.round(source + 255 * shift), 0, 255) - source).mean() / 255
    assert found == pytest.approx(expected, abs=0.5 / 255)


def paired(dusk, **options):
    scenario = resized(dusk, (8, 12))
    target = scenario.target.model_copy(update={"options": scenario.target.options | options})
    return scenario.model_copy(update={"paired": True, "target": target})


@pytest.mark.parametrize("flaw", ["", "order"])
def test_pairs_are_in_one_order_whatever_order_their_data_sets_have(run, matrix_of, dusk, flaw):
    folders = run(matrix_of("pairs", scenarios=(paired(dusk, flaw=flaw),)), "pairs")
    facts = json.loads((folders["fit-translator"] / "result.json").read_text())["facts"]
    assert facts["darker"] == pytest.approx([40, 40, 40], abs=2)


def test_pairs_without_a_partner_are_named(run, matrix_of, dusk, diary):
    run(matrix_of("pairs", scenarios=(paired(dusk, flaw="lost"),)), "pairs")
    record = diary.records["pairs", "nearest", 0]
    assert record["status"] == "failed"
    assert record["reason"] == (
        "paired images: expected the same ids in source and target, but 1 (train-0) of the source have no partner in "
        "the target, and none of the target none in the source; mend the splits"
    )


def test_metrics_say_why_they_have_no_value(run, matrix_of, diary):
    run(matrix_of("shift", metrics=("accuracy", "difference", "absent", "undefined")))
    record = diary.records["shift", "nearest", 0]
    assert record["missing"] == {"absent": "its weights are not here", "undefined": "undefined on this data"}
    assert set(record["metrics"]) == {"accuracy", "difference"}
    assert record["details"] == {"accuracy": {"pixels": 288, "per_class": [None, 0.5]}}
    assert record["values"]["difference"] == {
        "summary": "Mean change of a pixel.",
        "higher_is_better": False,
        "low": 0.0,
        "high": 1.0,
        "headline": True,
        "heading": "",
        "unit": "",
        "decimals": None,
        "measures": "translation",
    }
    assert set(diary.records["oracle", "nearest", 0]["missing"]) == {"undefined"}


FAULTY = {
    "start": "ValueError: cannot start",
    "update": "ValueError: cannot count",
    "compute": "ValueError: cannot compute",
    "none": "metric 'faulty': compute returned NoneType, but a number for each of ['faulty'] was expected",
    "tensor": "metric 'faulty' returned a Tensor for 'faulty', but one number was expected",
    "names": "metric 'faulty' returned ['other'], but declares ['faulty']",
    "range": "metric 'faulty' returned faulty = 7, but declares the range 0.0 to 1.0",
    "circular": "RecursionError",
    "details": "metric 'faulty': details returned list, but a dict was expected",
    "exit": "faulty: ended the process with sys.exit(3)",
}


@pytest.mark.parametrize("fault", FAULTY)
def test_a_faulty_metric_costs_its_own_value_and_nothing_else(run, matrix_of, choose, diary, fault):
    matrix = matrix_of("shift")
    run(replace(matrix, metrics=(choose("metric", "faulty", fault=fault), *matrix.metrics)))
    for record in diary.records.values():
        assert record["status"] == "done"
        assert "accuracy" in record["metrics"]
        assert FAULTY[fault] in record["missing"]["faulty"]
        assert record["missing"]["faulty"].startswith("failed: ")
    failure = diary.records["shift", "nearest", 0]["stages"]["score-segmentation:faulty"]["failure"]
    assert failure["log_tail"]
    assert diary.summary.failed == 0


def test_a_value_that_rounding_takes_out_of_its_range_is_kept(run, matrix_of, choose, diary):
    run(replace(matrix_of("shift"), metrics=(choose("metric", "faulty", fault="rounding"),)))
    assert diary.records["shift", "nearest", 0]["metrics"]["faulty"] == pytest.approx(1, abs=1e-6)


def test_values_that_two_metrics_turn_out_to_share_are_missing(run, matrix_of, diary, toys, monkeypatch):
    find = toys.find
    unsaid = {"values": (), "options": "dots.py:NoOptions"}
    monkeypatch.setattr(
        toys, "find", lambda kind, name: replace(find(kind, name), **(unsaid if kind == "metric" else {}))
    )
    run(matrix_of("shift", metrics=("accuracy", "clash", "difference")))
    record = diary.records["shift", "nearest", 0]
    assert record["missing"] == {"accuracy": "metrics 'accuracy' and 'clash' both give 'accuracy'; choose one of them"}
    assert set(record["metrics"]) == {"difference"}


def test_a_class_whose_values_are_not_those_of_its_entry_has_none(run, matrix_of, diary, toys, monkeypatch):
    find = toys.find
    monkeypatch.setattr(
        toys, "find", lambda kind, name: replace(find(kind, name), **({"values": ("a",)} if name == "accuracy" else {}))
    )
    monkeypatch.setattr("benchmark.execution.worker.load_registry", lambda project: toys)
    run(matrix_of("shift", metrics=("accuracy",)))
    record = diary.records["shift", "nearest", 0]
    assert record["status"] == "done"
    assert "its registry entry declares the values ['a'], but its class ['accuracy']" in record["missing"]["a"]


def test_the_target_images_are_shown_to_a_metric_once_for_all_translators(run, matrix_of, diary, store):
    folders = run(matrix_of("shift", "twofold", metrics=("accuracy", "anchored")))
    assert [kind for kind, _ in diary.started].count("reference") == 1
    shift, twofold = (diary.records[name, "nearest", 0] for name in ("shift", "twofold"))
    target = prepared(store, "night", "train").images.mean() / 255
    assert shift["details"]["anchored"]["target"] == pytest.approx(target, abs=1e-5)
    assert twofold["details"]["anchored"]["target"] == shift["details"]["anchored"]["target"]
    translated = ImageSet.open(folders["translate"]).images.mean() / 255
    assert shift["metrics"]["anchored"] == pytest.approx(abs(translated - target), abs=1e-5)


def test_a_metric_that_is_unavailable_for_the_target_images_says_so_in_each_row(run, matrix_of, choose, diary):
    matrix = matrix_of("shift", metrics=("accuracy",))
    run(replace(matrix, metrics=(*matrix.metrics, choose("metric", "anchored", available=False))))
    record = diary.records["shift", "nearest", 0]
    assert (record["status"], record["missing"]) == ("done", {"anchored": "no target for it"})
    assert diary.failed == []


BROKEN = {
    "wrong-shape": "translator 'wrong-shape' returned shape (3, 3, 8, 11), but (3, 3, 8, 12) was expected",
    "nan": "translator 'nan' returned values that are not finite (NaN or infinity) in 3 of 3 images, first in "
    "image 'train-0'",
    "halves": "translator 'halves' returned torch.float16, but float32 was expected",
}


@pytest.mark.parametrize("translator", BROKEN)
def test_a_translator_that_breaks_its_contract_fails_with_what_was_expected(run, matrix_of, diary, translator):
    run(matrix_of(translator), translator)
    record = diary.records[translator, "nearest", 0]
    assert (record["status"], record["reason"]) == ("failed", BROKEN[translator])
    assert diary.records["source-only", "nearest", 0]["status"] == "done"


def test_predictions_outside_the_classes_fail(run, matrix_of, diary):
    run(matrix_of("shift", segmenters=("overconfident",)))
    assert "there are 3 classes" in diary.records["oracle", "overconfident", 0]["reason"]


def test_every_stage_notes_what_it_is_and_what_it_took(run, matrix_of, diary):
    folders = run(replace(matrix_of("shift"), seeds=(5,)))
    told = json.loads((folders["fit-translator"] / "stage.json").read_text())
    assert (told["kind"], told["plugin"], told["seed"]) == ("fit-translator", "shift", 5)
    result = json.loads((folders["fit-translator"] / "result.json").read_text())
    assert (result["device"], result["precision"], result["threads"]) == ("cpu", "fp32", 1)
    assert result["facts"]["parameters"] == 1
    assert result["facts"]["peak_memory_bytes"] > 2**20
    assert json.loads((folders["translate"] / "result.json").read_text())["facts"]["images_per_second"] > 0


def test_an_adapted_segmenter_predicts_with_the_statistics_of_target_images(run, matrix_of, store, diary):
    run(matrix_of("target-statistics", segmenters=("adaptable",)), "target-statistics")
    stages = diary.records["target-statistics", "adaptable", 0]["stages"]
    folder = store.stage("adapt-segmenter", stages["adapt-segmenter"]["key"]).path
    weight = json.loads((folder / "model" / "weight.json").read_text())
    target = prepared(store, "night", "train")
    assert weight == pytest.approx(float(target.images.mean()) / 255)


def test_a_segmenter_that_cannot_be_adapted_fails_with_what_to_define(run, matrix_of, diary):
    run(matrix_of("target-statistics"), "target-statistics")
    record = diary.records["target-statistics", "nearest", 0]
    assert record["status"] == "invalid"
    assert "segmenter 'nearest' defines no adapt_statistics" in record["reason"]
    assert diary.records["source-only", "nearest", 0]["status"] == "done"


def test_output_source_stores_source_images_that_went_the_way_back(run, matrix_of, store):
    matrix = matrix_of("shift")
    back = [replace(one, output="source") if one.alias == "shift" else one for one in matrix.translators]
    folders = run(replace(matrix, translators=tuple(back)))
    source, found = prepared(store, "day", "train"), ImageSet.open(folders["translate"])
    weight = json.loads((folders["fit-translator"] / "model" / "weight.json").read_text())
    # `shift` adds its weight on the way there, and takes it away on the way back
    back_in_source = (source.images[0].astype(float) - 255 * weight).clip(0, 255)
    assert weight < -0.05
    assert np.abs(found.images[0].astype(float) - back_in_source).max() <= 0.5 + 1e-3


def test_the_way_back_of_a_translator_without_one_fails_with_what_to_do(run, matrix_of, choose, diary, toys):
    matrix = matrix_of("repaint")
    back = [replace(one, output="source") if one.alias == "repaint" else one for one in matrix.translators]
    run(replace(matrix, translators=tuple(back)), "repaint")
    assert "translator 'repaint' defines no inverse" in diary.records["repaint", "nearest", 0]["reason"]


def test_groups_of_test_images_reach_the_record(run, matrix_of, dusk, diary):
    target = dusk.target.model_copy(update={"group": "^val-([01])?"})
    run(matrix_of("shift", scenarios=(dusk.model_copy(update={"target": target}),)))
    assert diary.records["shift", "nearest", 0]["test_groups"] == ["0", "1", ""]


def test_an_expression_that_matches_no_group_names_the_image(run, matrix_of, dusk, diary):
    target = dusk.target.model_copy(update={"group": "town_[0-9]"})
    run(matrix_of("shift", scenarios=(dusk.model_copy(update={"target": target}),)))
    missing = diary.records["shift", "nearest", 0]["missing"]["accuracy"]
    assert "does not match 'val-0'; change it in the scenario" in missing


def test_source_scores_are_values_of_their_own(run, matrix_of, diary, store):
    run(matrix_of("shift", metrics=("accuracy", "source-agreement"), source_scores=True))
    record = diary.records["shift", "nearest", 0]
    assert set(record["metrics"]) == {"accuracy", "accuracy_source", "source-agreement"}
    assert record["values"]["accuracy_source"]["headline"] is False
    assert "accuracy_source" not in diary.records["oracle", "nearest", 0]["metrics"]
    key = diary.records["source-only", "nearest", 0]["stages"]["fit-segmenter"]["key"]
    weight = json.loads((store.stage("fit-segmenter", key).path / "model" / "weight.json").read_text())
    assert record["details"]["source-agreement"]["learnt"] == weight
    counted_stages = [record["stages"][role] for role in ("fit-translator", "translate", "fit-segmenter", "predict")]
    least = sum(stage["seconds"] for stage in counted_stages)
    most = least + sum(record["stages"][role]["seconds"] for role in ("translate:test",))
    assert least <= record["cost"]["seconds"] <= most


def test_a_segmenter_that_needs_the_target_gets_it_without_labels(run, matrix_of, choose, diary):
    """The assertions are those of the segmenter."""
    for align in (False, True):
        segmenter = choose("segmenter", "aligned", steps=2, align=align)
        run(replace(matrix_of("shift"), segmenters=(segmenter,), auxiliary_segmenter=segmenter))
        assert diary.records["shift", "aligned", 0]["status"] == "done"
