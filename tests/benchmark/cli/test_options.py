"""Values of options that click does not know."""

import click
import pytest

from benchmark.cli import options

OPTION = click.Option(["--option"])


@pytest.fixture
def context():
    return click.Context(click.Command("bench"))


@pytest.mark.parametrize(
    ("text", "expected"), [("90", 90), ("90s", 90), ("1.5 h", 5400), ("15m", 900), ("2min", 120), (None, None)]
)
def test_lengths_of_time_are_seconds(context, text, expected):
    assert options.seconds(context, OPTION, text) == expected


@pytest.mark.parametrize("text", ["", "0", "-1", "soon", "3 days"])
def test_what_is_no_length_of_time_is_refused(context, text):
    with pytest.raises(click.BadParameter, match="90s, 15m or 2h"):
        options.seconds(context, OPTION, text)


def test_names_are_joined_by_commas(context):
    assert options.names(context, OPTION, "a, b") == ("a", "b")
    assert options.names(context, OPTION, None) == ()


@pytest.mark.parametrize("text", ["", "a,,b", "a,a"])
def test_empty_and_double_names_are_refused(context, text):
    with pytest.raises(click.BadParameter, match="each once"):
        options.names(context, OPTION, text)


def test_seeds_are_whole_numbers(context):
    assert options.numbers(context, OPTION, "2,0,1") == (2, 0, 1)
    with pytest.raises(click.BadParameter, match="whole numbers"):
        options.numbers(context, OPTION, "1.5")
