"""What a plugin is made of is found without importing it, and any change of it changes its digest."""

import shutil
import sys
from pathlib import Path

import pytest

from benchmark.api.spec import PluginSpec
from benchmark.registry import code
from benchmark.registry.code import CodeDigests, imported_modules, own_packages
from benchmark.registry.registry import SHIPPED, load_registry


@pytest.fixture
def grey(tmp_path, write):
    """A plugin in a file that imports a module, a package and a sibling of its project, and one from elsewhere."""
    write(tmp_path / "grey.py", "import json\nimport mean\nclass Grey: ...\n")
    write(tmp_path / "mean.py", "def mean():\n    from tools.deep import sum\n")
    write(tmp_path / "tools/__init__.py", "")
    write(tmp_path / "tools/deep.py", "from . import far\n")
    write(tmp_path / "tools/far.py", "")
    write(tmp_path / "unrelated.py", "")
    return PluginSpec("translator", "grey", f"{tmp_path / 'grey.py'}:Grey", distribution="./registry.toml")


@pytest.mark.parametrize("file", ["grey.py", "mean.py", "tools/__init__.py", "tools/deep.py", "tools/far.py"])
def test_a_change_of_any_file_a_plugin_imports_changes_its_digest(grey, tmp_path, file):
    before = CodeDigests().of_files(grey, tmp_path)
    with (tmp_path / file).open("a") as opened:
        opened.write("# changed\n")
    assert CodeDigests().of_files(grey, tmp_path) not in ("", before)


def test_files_that_a_plugin_does_not_import_do_not_count(grey, tmp_path):
    before = CodeDigests().of_files(grey, tmp_path)
    (tmp_path / "unrelated.py").write_text("changed")
    assert CodeDigests().of_files(grey, tmp_path) == before


def test_the_digest_of_files_does_not_depend_on_where_the_project_lies(grey, tmp_path):
    elsewhere = tmp_path / "copy"
    shutil.copytree(tmp_path, elsewhere, ignore=lambda *_: ["copy"])
    moved = PluginSpec("translator", "grey", f"{elsewhere / 'grey.py'}:Grey")
    assert CodeDigests().of_files(moved, elsewhere) == CodeDigests().of_files(grey, tmp_path)


def test_the_file_of_the_options_counts(grey, tmp_path, write):
    options = write(tmp_path / "options.py", "class Options: ...")
    spec = PluginSpec("translator", "grey", grey.entry, options=f"{options}:Options")
    before = CodeDigests().of_files(spec, tmp_path)
    options.write_text("class Options: changed = 1")
    assert CodeDigests().of_files(spec, tmp_path) != before


def test_a_plugin_in_a_package_has_no_digest_of_files(tmp_path):
    assert CodeDigests().of_files(PluginSpec("translator", "grey", "grey.translator:Grey"), tmp_path) == ""


def test_a_file_that_cannot_be_parsed_still_has_a_digest(tmp_path, write):
    broken = PluginSpec("translator", "grey", f"{write(tmp_path / 'broken.py', 'import (')}:Grey")
    assert CodeDigests().of_files(broken, tmp_path)


def test_a_shipped_translator_is_made_of_its_package_the_engines_and_the_core():
    registry = load_registry(Path(__file__).parent)
    found = CodeDigests().of_stage({"translator": {"name": "cyclegan"}}, registry)
    assert set(found) == {"bench_cyclegan", "bench_gan", "bench_engine", "benchmark"}
    assert len(set(found.values())) == 4


def test_a_change_of_a_package_changes_its_digest_alone(tmp_path, monkeypatch, write):
    write(tmp_path / "dream/__init__.py", "")
    write(tmp_path / "dream/net.py", "import dream_engine.loop\n")
    write(tmp_path / "dream_engine/__init__.py", "")
    write(tmp_path / "dream_engine/loop.py", "import torch\n")
    monkeypatch.syspath_prepend(tmp_path)
    spec = PluginSpec("translator", "dream", "dream.net:Dream", distribution="dream")
    before = CodeDigests().of_packages(spec, tmp_path)
    (tmp_path / "dream_engine/loop.py").write_text("import torch, json\n")
    after = CodeDigests().of_packages(spec, tmp_path)
    assert set(before) == set(after) == {"dream", "dream_engine"}
    assert code.changed_code(before, after) == ("dream_engine",)
    assert "dream" not in sys.modules


def test_a_file_of_a_project_that_trains_on_the_engine_names_the_engine(tmp_path, write):
    file = write(tmp_path / "own.py", "def fit():\n    from bench_gan.model import GAN\n")
    found = CodeDigests().of_packages(PluginSpec("translator", "own", f"{file}:Own"), tmp_path)
    assert set(found) == {"bench_gan", "bench_engine"}


def test_packages_of_an_installed_distribution_are_those_it_lists(tmp_path, monkeypatch, write):
    site = tmp_path / "site-packages"
    for package, text in (("dream", "import dream_engine, stranger"), ("dream_engine", ""), ("stranger", "")):
        write(site / package / "__init__.py", text)
    info = site / "dream-1.0.dist-info"
    write(info / "METADATA", "Metadata-Version: 2.1\nName: dream\nVersion: 1.0\n")
    write(info / "RECORD", "dream/__init__.py,,\ndream_engine/__init__.py,,\n")
    monkeypatch.syspath_prepend(site)
    found = CodeDigests().of_packages(PluginSpec("metric", "dream", "dream:Dream", distribution="dream"), tmp_path)
    assert set(found) == {"dream", "dream_engine"}


def test_the_shipped_packages_are_those_of_the_registry():
    entries = [entry.spec.entry for entry in load_registry(Path(__file__).parent).entries() if entry.spec]
    named = {entry.partition(".")[0] for entry in entries}
    assert named - {"benchmark"} <= set(own_packages())
    assert SHIPPED not in own_packages()


def test_import_statements_of_every_form_are_found(tmp_path, write):
    file = write(
        tmp_path / "file.py",
        """
        import a.b, c
        from d import e
        from .f import g
        def h():
            from . import i
        """,
    )
    assert imported_modules(file) == ("a.b", "c", "d", "d.e", ".f", ".f.g", ".", ".i")
