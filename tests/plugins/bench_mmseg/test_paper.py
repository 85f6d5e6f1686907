"""What the budget `paper` calls mmsegmentation's is so."""

import pytest
from mmengine.config import Config

from bench_mmseg.options import (
    DeepLabV3Options,
    DeepLabV3PlusOptions,
    SegFormerOptions,
    UNetOptions,
    config_path,
    shipped_configs,
)
from bench_mmseg.trainer import rate_factor
from benchmark.config.resolve import resolve_matrix
from benchmark.registry.registry import load_registry


def paper_options(name, folder):
    """The options of a segmenter at the budget `paper`."""
    lists = {"scenarios": ["streets"], "segmenters": [name], "budget": "paper"}
    return resolve_matrix(None, lists, load_registry(folder)).segmenters[0].options


@pytest.mark.parametrize(
    ("name", "form"), [("deeplabv3", DeepLabV3Options), ("deeplabv3plus", DeepLabV3PlusOptions), ("unet", UNetOptions)]
)
def test_the_segmenters_of_the_budget_paper_have_mmsegmentations_schedule_40k(tmp_path, name, form):
    theirs = Config.fromfile(shipped_configs() / "_base_/schedules/schedule_40k.py")
    poly, sgd = theirs.param_scheduler[0], theirs.optimizer
    options = form(**paper_options(name, tmp_path))
    assert options.steps == theirs.train_cfg.max_iters == poly.end
    assert (options.optimizer, options.lr, options.weight_decay) == ("sgd", sgd.lr, sgd.weight_decay)
    assert options.lr * rate_factor(options)(1.0) == pytest.approx(poly.eta_min)
    assert options.lr * rate_factor(options)(0.5) == pytest.approx(
        (sgd.lr - poly.eta_min) * 0.5**poly.power + poly.eta_min
    )


def test_the_scales_of_the_budget_paper_are_mmsegmentations(tmp_path):
    theirs = Config.fromfile(shipped_configs() / "_base_/datasets/cityscapes.py").train_pipeline
    [resize] = [stage for stage in theirs if stage.type == "RandomResize"]
    options = DeepLabV3Options(**paper_options("deeplabv3", tmp_path))
    assert (options.scale, options.scale_law) == (resize.ratio_range, "uniform")


def test_segformer_has_the_length_of_its_paper_at_the_budget_paper(tmp_path):
    theirs = Config.fromfile(config_path("segformer_mit-b0_8xb1-160k_cityscapes-1024x1024"))
    options = SegFormerOptions(**paper_options("segformer", tmp_path))
    assert options.steps == theirs.train_cfg.max_iters
    assert options.lr == theirs.optim_wrapper.optimizer.lr
