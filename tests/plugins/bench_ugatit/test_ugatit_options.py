"""Options that no training could use are refused before one begins."""

import pytest
from pydantic import ValidationError

from bench_ugatit.options import UGATITOptions
from benchmark import UsageError
from benchmark.config.resolve import resolve_matrix
from benchmark.registry.registry import load_registry


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"global_layers": 2}, "greater than or equal to 3"),
        ({"lambda_cam": -1}, "greater than or equal to 0"),
        ({"size": "small"}, "'light' or 'full'"),
        ({"size": "full"}, "crop is missing"),
    ],
)
def test_a_value_out_of_range_is_refused(wrong, said):
    with pytest.raises(ValidationError, match=said):
        UGATITOptions(**wrong)


def test_the_full_form_is_taken_with_the_size_of_the_images():
    assert UGATITOptions(size="full", crop=(64, 128)).crop == (64, 128)


def test_the_full_form_without_a_size_is_a_wrong_use_told_in_one_line(tmp_path):
    with pytest.raises(UsageError, match='size: expected "light", or "full" with crop'):
        resolve_matrix(
            None,
            {"translators": ["ugatit"], "budget": "smoke"},
            load_registry(tmp_path),
            overrides=['translator.ugatit.size="full"'],
        )
