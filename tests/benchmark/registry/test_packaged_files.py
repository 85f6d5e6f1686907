"""Shipped files are found in a checkout and in an installed package; a project's stand beside them."""

import pytest

from benchmark import UsageError
from benchmark.registry import packaged_files as module
from benchmark.registry.packaged_files import config_folders, find_config, is_checkout, shipped_path


def test_a_checkout_has_its_files_beside_the_package():
    assert (shipped_path("registry.toml")).is_file()
    assert is_checkout(shipped_path(""))


def test_an_installed_package_has_its_files_within(tmp_path, monkeypatch):
    (tmp_path / "benchmark" / "_shipped").mkdir(parents=True)
    monkeypatch.setattr(module, "__file__", str(tmp_path / "benchmark" / "registry" / "packaged_files.py"))
    assert shipped_path("configs/budgets") == tmp_path / "benchmark" / "_shipped" / "configs" / "budgets"


def test_a_project_has_configurations_of_its_own_and_the_checkout_has_none_twice(tmp_path):
    assert config_folders("budgets", tmp_path) == [shipped_path("configs/budgets"), tmp_path / "configs" / "budgets"]
    assert config_folders("budgets", shipped_path("")) == [shipped_path("configs/budgets")]


def test_a_path_is_taken_as_it_is(tmp_path):
    assert find_config("budgets", "mine.toml", tmp_path) == tmp_path / "mine.toml"
    assert find_config("budgets", str(tmp_path / "b.toml"), tmp_path / "elsewhere") == tmp_path / "b.toml"


def test_a_project_cannot_hide_a_shipped_configuration(tmp_path, write):
    write(tmp_path / "configs/budgets/smoke.toml", "")
    with pytest.raises(UsageError, match="share the name 'smoke'"):
        find_config("budgets", "smoke", tmp_path)
