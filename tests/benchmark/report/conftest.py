"""What all tests of reports start from."""

import pytest

from tests.benchmark.cells import make_record


@pytest.fixture
def record():
    return make_record
