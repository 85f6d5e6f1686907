"""A kind of stage is one function and one entry; everything else follows from the entry."""

import json
import pickle
import sys
from dataclasses import replace

from benchmark.execution.driver import execute
from benchmark.execution.inline import InlineExecutor
from benchmark.plan.model import Stage
from benchmark.plan.planner import make_plan
from benchmark.plan.stage_kinds import STAGE_KINDS, Role, StageKind
from benchmark.results.records import read_records
from benchmark.store.layout import METRICS

WORK = """
import json

from benchmark.api.imageset import ImageSet


def count_images(spec, inputs, context, registry):
    images = len(ImageSet.open(inputs["images"]))
    table = {"metrics": {"images": images * spec["factor"]}, "missing": {}, "details": {}, "values": {}}
    (context.folder / "metrics.json").write_text(json.dumps(table))
"""


def test_a_new_kind_is_one_function_and_one_entry(toys, store, matrix_of, tmp_path, monkeypatch, diary):
    (tmp_path / "counting.py").write_text(WORK)
    monkeypatch.syspath_prepend(tmp_path)
    count = StageKind("count", 1, "count", "counting:count_images", "metric", scores=True)
    monkeypatch.setitem(STAGE_KINDS, count.name, count)
    plan = make_plan(matrix_of("shift"), toys)
    images = next(stage.key for stage in plan.stages.values() if stage.kind == "prepare")
    stage = Stage(count.name, "0" * 20, "counter", 0, {"factor": 2}, {"images": images})
    cells = tuple(replace(cell, stages={**cell.stages, Role(count.name): stage.key}) for cell in plan.cells)
    plan = replace(plan, stages={**plan.stages, stage.key: stage}, cells=cells)

    execute(plan, store, InlineExecutor(), toys, listener=diary)

    assert ("count", "counter") in diary.started
    records, _ = read_records(store.results)
    assert [record["metrics"]["images"] for record in records] == [6, 6, 6]
    assert json.loads((store.stage("count", stage.key).path / METRICS).read_text())["metrics"] == {"images": 6}
    assert "counting" in sys.modules


def test_the_work_of_every_kind_can_be_imported():
    assert all(callable(kind.import_work()) for kind in STAGE_KINDS.values())


def test_a_role_is_its_own_text():
    role = Role("score-translation", "fid")
    assert role == "score-translation:fid"
    assert (role.kind, role.purpose) == ("score-translation", "fid")
    assert json.loads(json.dumps({role: 1})) == {"score-translation:fid": 1}


def test_a_role_is_read_back_from_its_text_and_from_a_pickle():
    role = Role("score-translation", "fid:small")
    for same in (Role.parse(str(role)), pickle.loads(pickle.dumps(role))):
        assert (same, same.kind, same.purpose) == (role, "score-translation", "fid:small")
    assert (Role.parse("translate").kind, Role.parse("translate").purpose) == ("translate", "")
