"""Markdown tables hold the same cells, and keep their pipes."""

from benchmark.report.markdown import grid_markdown, page
from benchmark.report.tables import TextTable

GRID = TextTable("t", ("#", "translator", "mIoU %"), (("1", "a|b", "50.0"),), fixed=2, notes=("why",))


def test_a_grid_becomes_a_pipe_table_with_its_notes():
    assert grid_markdown(GRID).splitlines() == [
        "### t",
        "",
        "| # | translator | mIoU % |",
        "| ---: | --- | ---: |",
        "| 1 | a\\|b | 50.0 |",
        "",
        "- why",
    ]


def test_sections_follow_the_tables():
    assert page([GRID], [("Energy", "12 kWh\n")]).endswith("### Energy\n\n12 kWh\n")
