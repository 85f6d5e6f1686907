"""Every shipped budget fits every shipped scenario."""

import pytest

from benchmark.config.resolve import resolve_matrix
from benchmark.registry.packaged_files import shipped
from benchmark.registry.registry import load_registry

BUDGETS = sorted(path.stem for path in shipped("configs/budgets").glob("*.toml"))
SCENARIOS = sorted(path.stem for path in shipped("configs/scenarios").glob("*.toml"))


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("budget", BUDGETS)
def test_a_budget_gives_a_scenario_windows_that_fit_its_images(budget, scenario, tmp_path):
    matrix = resolve_matrix(None, {"scenarios": [scenario], "budget": budget}, load_registry(tmp_path))
    (resolved,) = matrix.scenarios
    for choice in (*matrix.translators, *matrix.segmenters):
        crop = choice.options.get("crop")
        assert crop is None or all(window <= side for window, side in zip(crop, resolved.size, strict=True)), (
            choice.name
        )


@pytest.mark.parametrize("name", sorted(path.stem for path in shipped("configs/matrices").glob("*.toml")))
def test_every_shipped_matrix_resolves_with_both_controls(name, tmp_path):
    matrix = resolve_matrix(name, {}, load_registry(tmp_path))
    assert {choice.alias for choice in matrix.translators} >= {"source-only", "oracle"}
