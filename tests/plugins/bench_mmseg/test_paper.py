"""What the budget `paper` calls mmsegmentation's is so."""

import pytest
from mmengine.config import Config

from bench_mmseg.options import DeepLabV3Options, shipped_configs
from bench_mmseg.trainer import rate_factor
from benchmark.config.resolve import resolve_matrix
from benchmark.registry.registry import load_registry


def test_the_segmenters_of_the_budget_paper_have_mmsegmentations_schedule_40k(tmp_path):
    theirs = Config.fromfile(shipped_configs() / "_base_/schedules/schedule_40k.py")
    poly, sgd = theirs.param_scheduler[0], theirs.optimizer
    matrix = resolve_matrix(
        None, {"scenarios": ["streets"], "segmenters": ["deeplabv3"], "budget": "paper"}, load_registry(tmp_path)
    )
    options = DeepLabV3Options(**matrix.segmenters[0].options)
    assert options.steps == theirs.train_cfg.max_iters == poly.end
    assert (options.optimizer, options.lr, options.weight_decay) == ("sgd", sgd.lr, sgd.weight_decay)
    assert options.lr * rate_factor(options)(1.0) == pytest.approx(poly.eta_min)
    assert options.lr * rate_factor(options)(0.5) == pytest.approx(
        (sgd.lr - poly.eta_min) * 0.5**poly.power + poly.eta_min
    )


def test_the_scales_of_the_budget_paper_are_mmsegmentations(tmp_path):
    theirs = Config.fromfile(shipped_configs() / "_base_/datasets/cityscapes.py").train_pipeline
    [resize] = [stage for stage in theirs if stage.type == "RandomResize"]
    matrix = resolve_matrix(
        None, {"scenarios": ["streets"], "segmenters": ["deeplabv3"], "budget": "paper"}, load_registry(tmp_path)
    )
    options = DeepLabV3Options(**matrix.segmenters[0].options)
    assert (options.scale, options.scale_law) == (resize.ratio_range, "uniform")
