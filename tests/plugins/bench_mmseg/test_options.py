"""Options refuse what cannot be, and tie a configuration file to its content."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from bench_mmseg.options import DeepLabV3Options, MMSegOptions, config_digest
from bench_mmseg.trainer import rate_factor

SHIPPED = "deeplabv3_r18-d8_4xb2-80k_cityscapes-512x1024"


def test_the_options_load_no_heavy_library():
    code = "import sys, bench_mmseg.options; print([m for m in ('torch', 'mmengine', 'mmseg') if m in sys.modules])"
    path = {"PYTHONPATH": ":".join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=path, capture_output=True, text=True).stdout == "[]\n"


def test_the_number_of_steps_shows_at_least_the_images_asked_for():
    assert DeepLabV3Options(images_seen=17, batch_size=8).steps == 3
    assert DeepLabV3Options(images_seen=16, batch_size=8).steps == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"backbone": "resnet-50"}, "expected one of resnetv1c-18"),
        ({"scale": (2.0, 1.0)}, "the smaller one first"),
        ({"output_stride": 32}, "4, 8 or 16"),
        ({"crop": (0, 64)}, "greater than 0"),
        ({"dilations": (1, -6)}, "greater than 0"),
        ({"end_factor": 1.5}, "less than or equal to 1"),
        ({"learning_rate": 1}, "Extra inputs are not permitted"),
    ],
)
def test_a_wrong_option_is_refused(wrong, said):
    with pytest.raises(ValidationError, match=said):
        DeepLabV3Options(**wrong)


def test_an_unknown_configuration_is_refused_with_a_suggestion():
    with pytest.raises(ValidationError, match=f"Did you mean '{SHIPPED}'"):
        MMSegOptions(config=SHIPPED.replace("r18", "r81"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[table]]\nname = 1 2", r"mine.py is no configuration file of mmsegmentation, which are Python: .*line 2"),
        ("_base_ = 'gone.py'", r"configuration file .*gone.py cannot be read \(No such file or directory\)"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_an_error_of_its_option(tmp_path, text, said):
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(ValidationError, match=said) as caught:
        MMSegOptions(config=str(tmp_path / "mine.py"))
    assert [error["loc"] for error in caught.value.errors()] == [("config",)]


def test_a_shipped_configuration_is_found_by_name():
    assert len(MMSegOptions(config=SHIPPED).config_digest) == 16


def test_a_configuration_whose_base_changed_is_not_the_one_that_was_resolved(tmp_path):
    base, file = tmp_path / "base.py", tmp_path / "mine.py"
    base.write_text("a = 1\n")
    file.write_text("_base_ = ['base.py']\nb = 2\n")
    resolved = MMSegOptions(config=str(file))
    assert MMSegOptions(**resolved.model_dump(mode="json")) == resolved
    base.write_text("a = 2\n")
    assert config_digest(file) != resolved.config_digest
    with pytest.raises(ValidationError, match="has changed"):
        MMSegOptions(**resolved.model_dump(mode="json"))


def test_the_rate_falls_to_its_end_factor():
    options = DeepLabV3Options(end_factor=0.01, warm_up=0.1)
    assert rate_factor(options)(0.05) == pytest.approx(0.5 * (0.01 + 0.99 * 0.95**0.9))
    assert rate_factor(options)(1.0) == pytest.approx(0.01)
    assert rate_factor(DeepLabV3Options())(1.0) == 0
