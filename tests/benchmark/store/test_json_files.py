"""JSON files that people can read and programs can trust."""

import json

import pytest

from benchmark.store.json_files import write_json

VALUES = [
    [1, 2, -3],
    {"counts": [[0, 1], [2, 30]], "none": [], "mixed": [1, "a", None], "float": [0.5, -1e-07, 1e300]},
    {"text": "[\n 1,\n 2\n]", "deep": {"er": [[[5]]]}},
]


@pytest.mark.parametrize("value", VALUES)
def test_an_indented_file_holds_the_value_it_was_given(tmp_path, value):
    write_json(tmp_path / "file.json", value, indent=1)
    assert json.loads((tmp_path / "file.json").read_text()) == value


def test_lists_of_numbers_stay_on_one_line(tmp_path):
    write_json(tmp_path / "file.json", {"counts": [[1, 2], [3, -4.5]], "words": ["a"]}, indent=1)
    expected = '{\n "counts": [\n  [1, 2],\n  [3, -4.5]\n ],\n "words": [\n  "a"\n ]\n}\n'
    assert (tmp_path / "file.json").read_text() == expected
