"""Equal work has one key, different work another; what cannot run is told before anything does."""

import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest

from benchmark.api.scenario import Side
from benchmark.errors import DataError, PluginError
from benchmark.plan.keys import content_key
from benchmark.plan.model import stages_to_run
from benchmark.plan.planner import make_plan


@pytest.fixture
def plan_of(matrix_of, toys):
    return lambda *translators, **fields: make_plan(matrix_of(*translators, **fields), toys)


def cell(plan, translator, segmenter="nearest", seed=0):
    [found] = [c for c in plan.cells if (c.translator, c.segmenter, c.seed) == (translator, segmenter, seed)]
    return found


def kinds(plan):
    return Counter(stage.kind for stage in plan.stages.values())


def test_each_translator_is_fitted_once_per_seed_whatever_the_segmenters(plan_of, choose):
    segmenters = ("nearest", "overconfident")
    plan = plan_of("shift", "twofold", segmenters=segmenters, seeds=(0, 1, 2))
    assert len(plan.cells) == 4 * 2 * 3
    assert kinds(plan) == {
        "prepare": 3,
        "fit-translator": 6,
        "translate": 6,
        "score-translation": 6,
        "fit-segmenter": 24,
        "predict": 24,
        "score-segmentation": 24,
    }


def test_a_stage_stands_behind_its_inputs(plan_of):
    seen = set()
    for stage in plan_of("shift", "twofold", seeds=(0, 1)).stages.values():
        assert seen.issuperset(stage.inputs.values())
        seen.add(stage.key)


def test_control_rows_train_on_source_and_target_and_have_no_translator(plan_of):
    plan = plan_of()
    by_look = {
        stage.spec["dataset"]["options"]["look"]: key
        for key, stage in plan.stages.items()
        if stage.kind == "prepare" and stage.spec["split"] == "train"
    }
    for label, look in {"source-only": "day", "oracle": "night"}.items():
        stages = cell(plan, label).stages
        assert set(stages) == {"fit-segmenter", "predict", "score-segmentation:accuracy"}
        inputs = plan.stages[stages["fit-segmenter"]].inputs
        assert inputs == {"train": by_look[look]}


def test_labels_are_not_part_of_keys_but_of_cells(plan_of):
    plan = plan_of("shift:one", "shift:two")
    one, two = cell(plan, "one"), cell(plan, "two")
    assert one.stages == two.stages
    assert one.config_key == two.config_key
    assert one.id != two.id


ALL = {"fit-translator", "translate", "fit-segmenter", "predict", "score-segmentation", "score-translation"}
CHANGES = {
    "option": ({"steps": 3}, ALL),
    "seed": ({"seeds": (7,)}, ALL),
    "precision": ({"precision": "bf16"}, ALL),
    "threads": ({"threads": 2}, ALL),
    "metric": ({"metrics": ("accuracy", "difference", "spread")}, set()),
    "runtime option": ({"pause": 1.0}, set()),
    "budget": ({"budget": "other", "timeout": 9.0}, set()),
}


@pytest.mark.parametrize("change", CHANGES)
def test_keys_change_with_what_decides_the_outcome_and_with_nothing_else(plan_of, change):
    fields, changed = CHANGES[change]
    before, after = plan_of("shift"), plan_of("shift", **fields)
    before, after = cell(before, "shift").stages, cell(after, "shift", seed=fields.get("seeds", (0,))[0]).stages
    assert {role.kind for role in before if before[role] != after[role]} == changed


def test_another_metric_adds_its_own_score_stage_and_changes_no_other(plan_of):
    before = cell(plan_of("shift", metrics=("difference",)), "shift").stages
    after = cell(plan_of("shift", metrics=("difference", "accuracy")), "shift").stages
    assert after.items() - before.items() == {("score-segmentation:accuracy", after["score-segmentation:accuracy"])}
    assert before.items() <= after.items()


def test_a_metric_of_which_only_its_class_knows_what_it_measures_gets_both_kinds_of_score_stages(plan_of):
    stages = cell(plan_of("shift", metrics=("absent",)), "shift").stages
    assert {role for role in stages if role.purpose == "absent"} == {
        "score-translation:absent",
        "score-segmentation:absent",
    }


def test_values_of_one_name_are_refused_before_anything_is_planned(plan_of):
    with pytest.raises(PluginError, match="metrics 'accuracy' and 'clash' both give 'accuracy'; choose one of them"):
        plan_of("shift", metrics=("accuracy", "clash"))


def test_names_of_values_that_no_entry_declares_are_those_of_the_class(plan_of, toys, monkeypatch):
    find = toys.find
    monkeypatch.setattr(toys, "find", lambda kind, name: replace(find(kind, name), values=()))
    with pytest.raises(PluginError, match="both give 'accuracy'"):
        plan_of("shift", metrics=("accuracy", "clash"))


def test_a_metric_that_is_not_known_costs_its_own_values_alone(plan_of, choose, toys):
    unknown = replace(choose("metric", "accuracy"), name="nowhere", alias="nowhere")
    plan = plan_of("shift")
    wider = make_plan(replace(plan.matrix, metrics=(*plan.matrix.metrics, unknown)), toys)
    assert "metric 'nowhere' is not known" in wider.unusable_metrics["nowhere"]
    assert cell(wider, "shift").stages == cell(plan, "shift").stages


def with_reference(toys, monkeypatch, *names):
    """Lets metrics declare the need of a reference stage."""
    find = toys.find
    needs = dict.fromkeys(names, ("reference",))
    monkeypatch.setattr(
        toys, "find", lambda kind, name: replace(find(kind, name), **({"needs": needs[name]} if name in needs else {}))
    )


def test_a_reference_is_computed_once_for_all_translators_and_seeds(plan_of, toys, monkeypatch):
    with_reference(toys, monkeypatch, "difference")
    plan = plan_of("shift", "twofold", seeds=(0, 1))
    assert kinds(plan)["reference"] == 1
    assert kinds(plan)["score-translation"] == 4
    scored = plan.stages[cell(plan, "shift").stages["score-translation:difference"]]
    assert set(scored.inputs) == {"source", "translated", "reference"}
    reference = plan.stages[scored.inputs["reference"]]
    assert (set(reference.inputs), reference.seed) == ({"target"}, None)


def test_moving_the_files_of_a_data_set_changes_no_key(plan_of, dusk):
    def at(root):
        sides = {}
        for name, side in (("source", dusk.source), ("target", dusk.target)):
            sides[name] = side.model_copy(update={"options": side.options | {"root": root}})
        return plan_of("shift", scenarios=(dusk.model_copy(update=sides),))

    before, after = at("/old"), at("/new")
    assert before.stages.keys() == after.stages.keys()
    assert [one.id for one in before.cells] == [one.id for one in after.cells]
    prepare = next(stage for stage in after.stages.values() if stage.kind == "prepare")
    assert prepare.spec["dataset"]["runtime_only"] == {"root": "/new"}


def test_an_option_outside_the_key_still_reaches_the_stage(plan_of):
    plan = plan_of("shift", pause=1.5)
    spec = plan.stages[cell(plan, "shift").stages["fit-translator"]].spec
    assert spec["translator"]["runtime_only"] == {"pause": 1.5}


def test_keys_change_with_the_declared_version(plan_of, matrix_of, toys):
    matrix = matrix_of("shift")
    newer = replace(matrix, translators=tuple(replace(c, version="2") for c in matrix.translators))
    before, after = make_plan(matrix, toys), make_plan(newer, toys)
    assert cell(before, "shift").stages["fit-translator"] != cell(after, "shift").stages["fit-translator"]


def test_keys_change_with_the_fingerprint_of_the_data(matrix_of, toys, monkeypatch):
    before = make_plan(matrix_of("shift"), toys)
    dots = toys.load(toys.find("dataset", "dots"))
    monkeypatch.setattr(dots, "fingerprint", lambda self, split: f"changed {split}")
    after = make_plan(matrix_of("shift"), toys)
    assert set(before.stages).isdisjoint(after.stages)
    assert cell(before, "shift").config_key != cell(after, "shift").config_key


def test_the_configuration_of_a_cell_does_not_depend_on_seed_or_metrics(plan_of):
    plan = plan_of("shift", seeds=(0, 1))
    fewer = plan_of("shift", metrics=("accuracy",))
    assert cell(plan, "shift", seed=0).config_key == cell(plan, "shift", seed=1).config_key
    assert cell(plan, "shift").id == cell(fewer, "shift").id
    assert cell(plan, "shift", seed=0).id != cell(plan, "shift", seed=1).id


def test_the_id_of_a_cell_is_a_file_name(plan_of):
    [found] = [c for c in plan_of("shift:a/b c=*").cells if c.translator == "a/b c=*"]
    assert found.id.startswith("dusk.a-b-c.nearest.s0.")


def test_content_keys_do_not_depend_on_the_order_of_names():
    assert content_key({"a": 1, "b": 2}) == content_key({"b": 2, "a": 1}) != content_key({"a": 1, "b": 2.5})


def test_a_translator_for_pairs_is_skipped_where_there_are_none(plan_of, dusk):
    found = cell(plan_of("pairs"), "pairs")
    assert found.stages == {}
    assert found.skipped == "translator 'pairs' needs paired images, and scenario 'dusk' has none"
    paired = plan_of("pairs", scenarios=(dusk.model_copy(update={"paired": True}),))
    assert cell(paired, "pairs").skipped is None
    assert "translate" in cell(paired, "pairs").stages


@pytest.mark.parametrize("checkpoint", ["last", "source-val", "oracle-val"])
def test_a_translator_that_needs_a_segmenter_shares_the_training_of_the_source_only_row(plan_of, dusk, checkpoint):
    plan = plan_of("guided", "shift", scenarios=(dusk.model_copy(update={"checkpoint": checkpoint}),))
    shared = cell(plan, "source-only").stages["fit-segmenter"]
    stages = cell(plan, "guided").stages
    assert plan.stages[stages["fit-translator"]].inputs["segmenter"] == shared
    assert stages["fit-segmenter:source-only"] == shared
    assert plan.stages[stages["fit-translator"]].spec["auxiliary_segmenter"]["name"] == "nearest"
    assert kinds(plan)["fit-segmenter"] == 4
    assert set(plan.stages[cell(plan, "shift").stages["fit-translator"]].inputs) == {"source", "target"}


def test_each_seed_reads_with_its_own_auxiliary_segmenter(plan_of):
    plan = plan_of("guided", seeds=(0, 1))
    auxiliary_segmenters = [cell(plan, "guided", seed=seed).stages["fit-segmenter:source-only"] for seed in (0, 1)]
    assert auxiliary_segmenters == [cell(plan, "source-only", seed=seed).stages["fit-segmenter"] for seed in (0, 1)]


def test_the_first_segmenter_reads_for_all_rows_unless_another_is_named(plan_of, choose):
    two = ("nearest", "overconfident")
    plan = plan_of("guided", segmenters=two)
    fits = {cell(plan, "guided", segmenter).stages["fit-translator"] for segmenter in two}
    assert len(fits) == 1
    assert plan.stages[fits.pop()].inputs["segmenter"] == cell(plan, "source-only").stages["fit-segmenter"]
    beside = plan_of("guided", auxiliary_segmenter=choose("segmenter", "overconfident", steps=7))
    key = beside.stages[cell(beside, "guided").stages["fit-translator"]].inputs["segmenter"]
    assert beside.stages[key].spec["segmenter"]["options"] == {"steps": 7}
    assert kinds(beside)["fit-segmenter"] == 4


def test_the_auxiliary_segmenter_belongs_to_the_configuration_of_the_cells_that_learn_from_it_and_of_no_other(
    plan_of, choose
):
    plan = plan_of("guided", "shift", metrics=("agreement",))
    other = plan_of(
        "guided", "shift", metrics=("agreement",), auxiliary_segmenter=choose("segmenter", "nearest", steps=7)
    )
    same = {name: cell(plan, name).config_key == cell(other, name).config_key for name in ("guided", "shift", "oracle")}
    assert same == {"guided": False, "shift": True, "oracle": True}
    assert cell(plan, "shift").stages["fit-translator"] == cell(other, "shift").stages["fit-translator"]
    role = "score-translation:agreement"
    assert cell(plan, "shift").stages[role] != cell(other, "shift").stages[role]
    assert cell(plan, "guided").stages["fit-translator"] != cell(other, "guided").stages["fit-translator"]


def test_a_metric_that_needs_the_oracle_shares_the_training_of_the_oracle_row(plan_of):
    plan = plan_of("shift", metrics=("accuracy", "agreement"))
    stages = cell(plan, "shift").stages
    assert stages["fit-segmenter:oracle"] == cell(plan, "oracle").stages["fit-segmenter"]
    scored = plan.stages[stages["score-translation:agreement"]]
    assert scored.inputs["segmenter"] == stages["fit-segmenter:oracle"]
    assert scored.spec["auxiliary_segmenter"]["name"] == "nearest"
    assert "translator" not in scored.inputs
    assert set(cell(plan, "oracle").stages) == {"fit-segmenter", "predict", "score-segmentation:accuracy"}


def test_a_metric_that_needs_the_translator_reads_its_training(plan_of):
    plan = plan_of("shift", metrics=("accuracy", "round-trip"))
    stages = cell(plan, "shift").stages
    scored = plan.stages[stages["score-translation:round-trip"]]
    assert scored.inputs["translator"] == stages["fit-translator"]
    assert scored.spec["translator"]["name"] == "shift"
    assert "segmenter" not in scored.inputs


def test_metrics_that_need_nothing_read_nothing_more(plan_of):
    plan = plan_of("shift")
    scored = plan.stages[cell(plan, "shift").stages["score-translation:difference"]]
    assert (set(scored.inputs), set(scored.spec)) == ({"source", "translated", "target"}, {"kind", "format", "metric"})


def test_a_broken_auxiliary_segmenter_costs_the_cells_and_metrics_that_use_it_and_no_other(plan_of, choose):
    broken = replace(choose("segmenter", "nearest"), name="nowhere", alias="nowhere")
    plan = plan_of("guided", "shift", auxiliary_segmenter=broken)
    assert "segmenter 'nowhere' is not known" in cell(plan, "guided").invalid
    assert (cell(plan, "shift").invalid, cell(plan, "oracle").invalid) == (None, None)
    judged = plan_of("shift", metrics=("agreement",), auxiliary_segmenter=broken)
    assert "segmenter 'nowhere' is not known" in judged.unusable_metrics["agreement"]
    assert {one.invalid for one in judged.cells} == {None}


def test_translations_are_scored_on_the_training_split_unless_the_test_split_is_asked_for(plan_of, dusk):
    def scored(split):
        plan = plan_of("shift", scenarios=(dusk.model_copy(update={"score_translations": split}),))
        inputs = plan.stages[cell(plan, "shift").stages["score-translation:difference"]].inputs
        return plan, {role: plan.stages[key] for role, key in inputs.items()}

    plan, inputs = scored("train")
    assert [inputs[role].spec["split"] for role in ("source", "target")] == ["train", "train"]
    assert inputs["translated"].key == cell(plan, "shift").stages["translate"]
    assert kinds(plan)["translate"] == 1
    held_out, inputs = scored("test")
    assert [inputs[role].spec["split"] for role in ("source", "target")] == ["val", "val"]
    looks = [inputs[role].spec["dataset"]["options"]["look"] for role in ("source", "target")]
    assert looks == ["day", "night"]
    stages = cell(held_out, "shift").stages
    assert inputs["translated"].key == stages["translate:test"]
    assert inputs["translated"].inputs["source"] == inputs["source"].key
    assert held_out.stages[stages["fit-segmenter"]].inputs["train"] == stages["translate"]
    assert stages["fit-segmenter"] == cell(plan, "shift").stages["fit-segmenter"]
    assert cell(plan, "shift").id != cell(held_out, "shift").id


def test_translations_held_out_to_choose_a_checkpoint_are_those_that_are_scored(plan_of, dusk):
    both = dusk.model_copy(update={"checkpoint": "source-val", "score_translations": "test"})
    plan = plan_of("shift", scenarios=(both,))
    assert checkpoint_inputs(plan, "shift").key == cell(plan, "shift").stages["translate:test"]
    assert kinds(plan)["translate"] == 2


def test_a_plugin_that_cannot_be_used_makes_its_own_cells_invalid(plan_of):
    plan = plan_of("outdated", "shift")
    assert "contract version 0" in cell(plan, "outdated").invalid
    assert cell(plan, "outdated").stages == {}
    assert cell(plan, "shift").invalid is None


def test_both_sides_of_a_scenario_must_have_the_same_classes(plan_of, dusk, toys, monkeypatch):
    from benchmark import ClassSet

    dots = toys.load(toys.find("dataset", "dots"))
    other = ClassSet(("road", "sky", "train"), dots.classes.palette)
    usual = dots.classes
    monkeypatch.setattr(dots, "classes", property(lambda self: other if self.options.look == "night" else usual))
    with pytest.raises(DataError, match="same classes, but they differ in car, train"):
        plan_of()


def checkpoint_inputs(plan, label):
    inputs = plan.stages[cell(plan, label).stages["fit-segmenter"]].inputs
    return plan.stages[inputs["validation"]] if "validation" in inputs else None


def test_no_validation_by_default(plan_of):
    assert checkpoint_inputs(plan_of("shift"), "shift") is None


def test_source_val_holds_out_source_images_in_the_look_of_the_row(plan_of, dusk):
    plan = plan_of("shift", scenarios=(dusk.model_copy(update={"checkpoint": "source-val"}),))
    translated, plain_source = checkpoint_inputs(plan, "shift"), checkpoint_inputs(plan, "source-only")
    assert translated.kind == "translate"
    assert translated.key != cell(plan, "shift").stages["translate"]
    assert plan.stages[translated.inputs["source"]] == plain_source
    assert (plain_source.spec["split"], plain_source.spec["dataset"]["options"]["look"]) == ("val", "day")
    assert checkpoint_inputs(plan, "oracle") is None


def test_oracle_val_chooses_by_the_target_test_split_in_all_rows(plan_of, dusk):
    plan = plan_of("shift", scenarios=(dusk.model_copy(update={"checkpoint": "oracle-val"}),))
    for label in ("shift", "source-only", "oracle"):
        spec = checkpoint_inputs(plan, label).spec
        assert (spec["split"], spec["dataset"]["options"]["look"]) == ("val", "night")


def test_a_side_whose_split_is_not_there_is_one_line(plan_of, dusk):
    wrong = dusk.model_copy(update={"target": Side(dataset="dots", options=dusk.target.options, test="nowhere")})
    with pytest.raises(DataError, match="scenario 'dusk', target: dataset 'dots' has no split 'nowhere'"):
        plan_of(scenarios=(wrong,))


def test_missing_files_of_one_scenario_leave_the_others_planned(plan_of, dusk):
    side = Side(dataset="dots", options=dusk.target.options, test="nowhere")
    dawn = dusk.model_copy(update={"name": "dawn", "target": side})
    plan = plan_of("shift", scenarios=(dawn, dusk))
    invalid = {(cell.scenario, cell.invalid) for cell in plan.cells}
    assert invalid == {("dawn", "scenario 'dawn', target: dataset 'dots' has no split 'nowhere'"), ("dusk", None)}
    assert list(plan.classes) == ["dusk"]


def test_a_data_set_that_raises_anything_makes_the_cells_of_its_scenario_invalid(plan_of, toys, monkeypatch):
    monkeypatch.setattr(toys.load(toys.find("dataset", "dots")), "fingerprint", lambda self, split: {}[split])
    plan = plan_of("shift")
    expected = "scenario 'dusk', source: dataset 'dots' failed: KeyError: 'train'"
    assert {cell.invalid for cell in plan.cells} == {expected}


def test_only_what_leads_to_missing_goals_is_needed(plan_of):
    plan = plan_of("shift")
    stages = cell(plan, "shift").stages
    done = dict.fromkeys(plan.stages, False)
    goal = stages["score-segmentation:accuracy"]
    assert stages["score-translation:difference"] not in stages_to_run(plan.stages, [goal], done)
    assert stages_to_run(plan.stages, [goal], done | {goal: True}) == []
    chain = stages_to_run(plan.stages, [goal], done | {stages["translate"]: True})
    assert stages["fit-translator"] not in chain
    assert chain.index(stages["fit-segmenter"]) < chain.index(goal)


def test_planning_imports_no_heavy_library():
    code = "import sys, benchmark.plan.planner, benchmark.execution.driver\n"
    code += "import benchmark.results.records, benchmark.execution.local\n"
    code += "print([m for m in ('torch', 'pandas', 'mmengine', 'PIL') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_without_labels_of_the_target_to_learn_from_the_oracle_is_skipped_with_its_reason(plan_of, dusk):
    bare = dusk.target.model_copy(update={"options": {**dusk.target.options, "flaw": "unlabelled"}})
    plan = plan_of("shift", scenarios=(dusk.model_copy(update={"target": bare}),))
    assert cell(plan, "oracle").skipped == "scenario 'dusk': split 'train' of the target has no labels to learn from"
    assert cell(plan, "oracle").stages == {}
    assert [cell(plan, row).skipped for row in ("source-only", "shift")] == [None, None]


def test_segmenters_of_further_seeds_share_the_translator_and_leave_the_first_as_it_is(plan_of):
    one, three = plan_of("shift", seeds=(0, 1)), plan_of("shift", seeds=(0, 1), segmenter_seeds=3)
    assert kinds(three)["fit-translator"] == kinds(one)["fit-translator"] == 2
    assert kinds(three)["fit-segmenter"] == 3 * kinds(one)["fit-segmenter"]
    assert set(one.stages) < set(three.stages)
    assert {cell.id for cell in one.cells} < {cell.id for cell in three.cells}
    fits = [three.stages[cell.stages["fit-segmenter"]] for cell in three.cells if cell.translator == "shift"]
    assert [fit.seed for fit in fits] == [0, 10_000, 20_000, 1, 10_001, 20_001]
    assert len({fit.key for fit in fits}) == 6
    assert len({cell.config_key for cell in three.cells if cell.translator == "shift"}) == 1


def test_target_statistics_are_those_of_the_segmenter_of_source_only(plan_of, choose):
    plan = plan_of("target-statistics")
    adapted, plain = cell(plan, "target-statistics"), cell(plan, "source-only")
    assert adapted.stages["fit-segmenter"] == plain.stages["fit-segmenter"]
    stage = plan.stages[adapted.stages["adapt-segmenter"]]
    assert stage.inputs["segmenter"] == plain.stages["fit-segmenter"]
    assert plan.stages[stage.inputs["target"]].spec["dataset"]["options"]["look"] == "night"
    assert plan.stages[adapted.stages["predict"]].inputs["segmenter"] == stage.key
    assert kinds(plan)["fit-segmenter"] == 2
    roles = {cell.translator: cell.role for cell in plan.cells}
    assert roles == {"source-only": "floor", "target-statistics": "control", "oracle": "ceiling"}


def test_the_way_back_as_output_is_a_control_of_the_same_training(plan_of, matrix_of, toys):
    matrix = matrix_of("twofold", "twofold:twofold-self")
    back = [replace(one, output="source") if one.alias == "twofold-self" else one for one in matrix.translators]
    plan = make_plan(replace(matrix, translators=tuple(back)), toys)
    there, self_translation = cell(plan, "twofold"), cell(plan, "twofold-self")
    assert there.stages["fit-translator"] == self_translation.stages["fit-translator"]
    assert there.stages["translate"] != self_translation.stages["translate"]
    assert there.config_key != self_translation.config_key
    assert (there.role, self_translation.role) == ("", "control")
    assert cell(make_plan(matrix, toys), "twofold").stages == there.stages


def test_groups_of_test_images_are_part_of_scores_alone(plan_of, dusk):
    target = dusk.target.model_copy(update={"group": "[0-9]"})
    plain, grouped = plan_of("shift"), plan_of("shift", scenarios=(dusk.model_copy(update={"target": target}),))
    changed = {grouped.stages[key].kind for key in set(grouped.stages) - set(plain.stages)}
    assert changed == {"score-segmentation"}
    assert [cell.id for cell in grouped.cells] == [cell.id for cell in plain.cells]


def test_source_scores_predict_held_out_source_images_as_the_training_images_were_translated(plan_of):
    plain, scored = plan_of("shift"), plan_of("shift", source_scores=True)
    assert set(plain.stages) < set(scored.stages)
    shift, floor, ceiling = (cell(scored, name).stages for name in ("shift", "source-only", "oracle"))
    predicted = scored.stages[shift["predict:source"]]
    assert predicted.inputs == {"segmenter": shift["fit-segmenter"], "test": shift["translate:test"]}
    of_floor = scored.stages[scored.stages[floor["predict:source"]].inputs["test"]]
    assert (of_floor.kind, of_floor.spec["split"]) == ("prepare", "val")
    assert "score-segmentation-source:accuracy" in shift
    assert "predict:source" not in ceiling


def test_a_metric_by_a_segmenter_of_the_source_shares_the_training_of_source_only(plan_of, toys, choose):
    plan = plan_of("shift", metrics=("accuracy", "source-agreement"))
    stages, floor = cell(plan, "shift").stages, cell(plan, "source-only").stages
    assert stages["fit-segmenter:source-only for metrics"] == floor["fit-segmenter"]
    scored = plan.stages[stages["score-translation:source-agreement"]]
    assert scored.inputs["source_segmenter"] == floor["fit-segmenter"]
    assert kinds(plan)["fit-segmenter"] == 3


def test_a_segmenter_is_given_the_target_only_where_it_needs_it(matrix_of, toys, choose):
    def fit_inputs(**options):
        matrix = replace(matrix_of("shift"), segmenters=(choose("segmenter", "aligned", steps=2, **options),))
        plan = make_plan(replace(matrix, auxiliary_segmenter=matrix.segmenters[0]), toys)
        return plan.stages[cell(plan, "source-only", "aligned").stages["fit-segmenter"]].inputs

    assert set(fit_inputs()) == {"train"}
    assert set(fit_inputs(align=True)) == {"train", "target"}


def test_source_only_is_trained_once_for_all_targets_of_a_source(plan_of, dusk):
    target = dusk.target.model_copy(update={"options": {**dusk.target.options, "count": 4}})
    other = dusk.model_copy(update={"name": "dawn", "target": target})
    plan = plan_of(scenarios=(dusk, other))
    floors = {cell.stages["fit-segmenter"] for cell in plan.cells if cell.translator == "source-only"}
    assert len(floors) == 1


def test_predictions_that_serve_scores_alone_are_not_essential(plan_of):
    shift = cell(plan_of("shift", source_scores=True), "shift")
    assert shift.essential == (shift.stages["predict"],)
