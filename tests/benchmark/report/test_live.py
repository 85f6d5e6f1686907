"""Lines off a terminal tell what began, how far it is, and how it ended; bars leave a terminal as it was."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from benchmark.execution.events import Summary
from benchmark.report.live import Bars, Lines, watcher
from benchmark.report.stage_labels import stage_names


def _stage(key, kind, plugin, seed=0, inputs=(), **spec):
    return SimpleNamespace(
        key=key, kind=kind, plugin=plugin, seed=seed, spec=spec, inputs={role: role for role in inputs}
    )


FIT = _stage("f", "fit-translator", "cyclegan")
SEGMENT = _stage("s", "fit-segmenter", "deeplabv3", inputs="f")
PREPARE = _stage("p", "prepare", "streets", None, split="val")


@pytest.fixture
def plan():
    cells = [
        SimpleNamespace(
            scenario="streets", translator="cyclegan", stages={"fit-translator": "f", "fit-segmenter": "s"}
        ),
        SimpleNamespace(scenario="streets", translator="oracle", stages={}),
    ]
    return SimpleNamespace(stages={stage.key: stage for stage in (PREPARE, FIT, SEGMENT)}, cells=cells)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def lines(plan, clock):
    lines = Lines(Console(file=io.StringIO(), width=200), clock)
    lines.plan_ready(plan, {"p": "cached", "f": "to-run", "s": "to-run"})
    return lines


def _printed(watcher):
    return watcher.out.file.getvalue().splitlines()


def test_stages_are_named_by_what_they_serve(plan):
    assert stage_names(plan) == {
        "p": "prepare streets val",
        "f": "fit-translator cyclegan, seed 0",
        "s": "fit-segmenter deeplabv3 on cyclegan, seed 0",
    }


def test_scores_name_the_segmenter_where_there_are_several():
    predictions = [_stage(key, "predict", name) for key, name in (("a", "deeplabv3"), ("b", "mmseg"))]
    scores = [_stage(f"s{one.key}", "score-segmentation", "accuracy", seed=0) for one in predictions]
    for one, score in zip(predictions, scores, strict=True):
        score.inputs = {"predictions": one.key}
    cells = [
        SimpleNamespace(scenario="streets", translator="cyclegan", stages={"score-segmentation:accuracy": score.key})
        for score in scores
    ]
    plan = SimpleNamespace(stages={stage.key: stage for stage in (*predictions, *scores)}, cells=cells)
    assert stage_names(plan)["sa"] == "score-segmentation accuracy of deeplabv3 on cyclegan, seed 0"
    assert stage_names(plan)["sb"] == "score-segmentation accuracy of mmseg on cyclegan, seed 0"


def test_the_training_of_a_auxiliary_segmenter_is_that_of_a_control_row():
    auxiliary_segmenter = _stage("r", "fit-segmenter", "deeplabv3", inputs="p")
    judge = _stage("j", "fit-segmenter", "deeplabv3", inputs="p")
    fit = _stage("f", "fit-translator", "guided", inputs="pr")
    score = _stage("t", "score-translation", "guided", inputs="fj")
    roles = {"fit-segmenter:source-only": "r", "fit-translator": "f", "fit-segmenter:oracle": "j"}
    cells = [SimpleNamespace(scenario="streets", translator="guided", stages=roles | {"score-translation": "t"})]
    plan = SimpleNamespace(
        stages={stage.key: stage for stage in (PREPARE, auxiliary_segmenter, fit, judge, score)}, cells=cells
    )
    names = stage_names(plan)
    assert names["r"] == "fit-segmenter deeplabv3 on source-only, seed 0"
    assert names["j"] == "fit-segmenter deeplabv3 on oracle, seed 0"
    assert names["f"] == "fit-translator guided, seed 0"
    assert names["p"] == "prepare streets val"


def test_translations_are_told_apart_by_their_split_where_there_are_several():
    train = _stage("a", "prepare", "streets", None, split="train")
    made = [_stage(f"t{key}", "translate", "cyclegan", spec_of=key) for key in "ap"]
    for stage in made:
        stage.inputs = {"source": stage.spec["spec_of"]}
    cell = SimpleNamespace(
        scenario="streets", translator="cyclegan", stages={"translate": "ta", "translate:test": "tp"}
    )
    names = stage_names(SimpleNamespace(stages={stage.key: stage for stage in (train, PREPARE, *made)}, cells=[cell]))
    assert names["ta"] == "translate cyclegan train, seed 0"
    assert names["tp"] == "translate cyclegan val, seed 0"


def test_the_plan_is_summed_up_first(lines):
    assert _printed(lines) == ["cells 2, stages to run 2, cached 1"]


def test_earlier_failures_are_counted_with_what_to_do(plan):
    watching = Lines(Console(file=io.StringIO(), width=200))
    watching.plan_ready(plan, {"p": "cached", "f": "failed", "s": "to-run"})
    assert "failed before 1 (--retry failed runs them again)" in _printed(watching)[0]


def test_starts_and_ends_are_lines_with_a_count(lines):
    lines.stage_started(FIT)
    lines.stage_finished(FIT, 75.2)
    lines.stage_failed(SEGMENT, "oom", "killed at 2 GB")
    assert _printed(lines)[1:] == [
        "[0/2] start   fit-translator cyclegan, seed 0",
        "[1/2] done    fit-translator cyclegan, seed 0 (0:01:15)",
        "[2/2] FAILED  fit-segmenter deeplabv3 on cyclegan, seed 0: oom: killed at 2 GB",
    ]


def test_short_stages_tell_tenths_of_seconds(lines):
    lines.stage_finished(FIT, 0.34)
    assert _printed(lines)[-1].endswith("(0.3 s)")


def test_stages_that_cannot_run_after_a_failure_count_as_ended(lines):
    lines.stage_failed(FIT, "failed", "boom")
    assert _printed(lines)[-1].startswith("[2/2] FAILED  fit-translator")


def test_progress_is_a_line_every_ten_seconds_at_most(lines, clock):
    lines.stage_started(FIT)
    for clock.now in range(25):
        lines.stage_progress(FIT, {"done": clock.now * 10, "total": 1000, "unit": "images", "loss_cycle": 0.5})
    shown = [line for line in _printed(lines) if "images" in line]
    assert len(shown) == 2
    assert shown[0].endswith(": 100/1000 images, 10 images/s, 0:01:30 left, loss_cycle 0.5")


def test_the_speed_of_a_resumed_stage_is_that_of_the_work_done_since(lines, clock):
    lines.stage_started(FIT)
    lines.stage_progress(FIT, {"done": 900, "total": 1000, "unit": "images"})
    clock.now = 10.0
    lines.stage_progress(FIT, {"done": 920, "total": 1000, "unit": "images"})
    assert "2 images/s, 0:00:40 left" in _printed(lines)[-1]


def test_a_cell_that_this_run_finished_shows_its_miou(lines):
    record = {"status": "done", "scenario": "streets", "translator": "cyclegan", "segmenter": "deeplabv3", "seed": 0}
    lines.cell_finished(record | {"metrics": {"miou": 0.1}})
    assert len(_printed(lines)) == 1
    lines.stage_finished(FIT, 1)
    values = {"miou": {"heading": "mIoU", "unit": "%"}}
    lines.cell_finished(record | {"metrics": {"miou": 0.5712}, "values": values})
    assert _printed(lines)[-1].endswith("streets: cyclegan x deeplabv3, seed 0: mIoU 57.1 %")


def test_the_last_line_sums_up(lines):
    lines.finished(Summary({"done": 3, "failed": 1, "skipped": 2}, stages_run=1, stages_reused=12, seconds=3.21))
    assert _printed(lines)[-1] == "1 stage run, 12 reused, in 3.2 s, 1 cell not done"
    lines.finished(Summary({"done": 3}, stages_run=0, stages_reused=12, seconds=0.5))
    assert _printed(lines)[-1] == "0 stages run, 12 reused, in 0.5 s"


def test_a_terminal_gets_bars_and_a_file_lines():
    assert isinstance(watcher(Console(file=io.StringIO(), force_terminal=True)), Bars)
    assert isinstance(watcher(Console(file=io.StringIO())), Lines)


@pytest.mark.parametrize("width", [80, 140])
def test_bars_show_stage_amount_and_losses_and_give_the_cursor_back(plan, width):
    file = io.StringIO()
    out = Console(file=file, force_terminal=True, width=width, color_system=None)
    with pytest.raises(KeyboardInterrupt), Bars(out) as bars:
        bars.plan_ready(plan, {"p": "cached", "f": "to-run", "s": "to-run"})
        bars.stage_started(FIT)
        bars.stage_progress(FIT, {"done": 25, "total": 100, "unit": "images", "loss": 0.5})
        bars._live.refresh()
        raise KeyboardInterrupt
    text = file.getvalue()
    assert all(part in text for part in ("fit-translator", "25/100 images", "0/2 stages", "loss 0.5"))
    assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l") >= 0
