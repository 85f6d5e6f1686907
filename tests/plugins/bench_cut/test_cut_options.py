"""Options that no training could use are refused before one begins."""

import pytest
from pydantic import ValidationError

from bench_cut.options import CUTOptions, FastCUTOptions


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"temperature": 0}, "greater than 0"),
        ({"patches": 1}, "greater than or equal to 2"),
        ({"contrast_blocks": (0,)}, "greater than 0"),
        ({"blocks": 3}, "expected numbers from 1 to 3, the residual blocks there are, but one is 5"),
        ({"contrast_blocks": (2, 2)}, "each residual block once"),
    ],
)
@pytest.mark.parametrize("options", [CUTOptions, FastCUTOptions])
def test_a_value_out_of_range_is_refused(options, wrong, said):
    with pytest.raises(ValidationError, match=said):
        options(**wrong)


def test_fewer_blocks_are_taken_with_fewer_to_listen_to():
    assert CUTOptions(blocks=3, contrast_blocks=(1, 3)).contrast_blocks == (1, 3)
