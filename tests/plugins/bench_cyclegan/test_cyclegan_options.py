"""Options that no training could use are refused before one begins."""

import pytest
from pydantic import ValidationError

from bench_cyclegan.options import CycleGANOptions


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"betas": (0.5, 1.0)}, "less than 1"),
        ({"crop": (0, 64)}, "greater than 0"),
        ({"lambda_cycle": -1}, "greater than or equal to 0"),
    ],
)
def test_a_value_out_of_range_is_refused(wrong, said):
    with pytest.raises(ValidationError, match=said):
        CycleGANOptions(**wrong)
