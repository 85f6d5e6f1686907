"""The program that measures noise: planted spreads are found, each under its cause."""

import json

import pytest


@pytest.fixture(scope="module")
def spread(program):
    return program("noise/spread.py")


@pytest.fixture
def folders(tmp_path, record):
    """Segmenters of a seed are 2 points apart, threads move the value by 1 and 3, other streets by 4."""

    def write(name, cells):
        (tmp_path / name / "records").mkdir(parents=True)
        for number, cell in enumerate(cells):
            (tmp_path / name / "records" / f"{number}.json").write_text(json.dumps(cell))
        return tmp_path / name

    seen = {"translator": 3000, "segmenter": 4000}
    nested = [
        record("cyclegan", seed, 0.40 + 0.06 * seed + 0.02 * number, segmenter_seed=number, images_seen=seen)
        for seed in (0, 1)
        for number in (0, 1)
    ]
    repeated = [record("cyclegan", seed, miou, images_seen=seen) for seed, miou in ((0, 0.41), (1, 0.49))]
    other = [record("cyclegan", 0, 0.44, scenario="streets-1", images_seen=seen)]
    return write("streets", nested), write("threads", repeated), write("other", other)


def test_each_cause_has_its_spread(spread, folders):
    (line,) = spread.spread_table(*folders).rows
    # between translators: var of 0.41 and 0.47 is 18, less half of the segmenters' 2; streets: sd of 40 and 44
    assert line == ("cyclegan", "deeplabv3", "44.0", "4.1", "1.4", "-", "1.6", "2.8")


def test_the_table_is_a_markdown_page(spread, folders, capsys):
    spread.main(list(map(str, folders)))
    assert "| cyclegan | deeplabv3 | 44.0 | 4.1 |" in capsys.readouterr().out
