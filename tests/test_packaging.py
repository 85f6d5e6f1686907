"""What `pip install` puts on a machine: packages with their data, nothing else, and a `bench` for any folder."""

import json
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The content of the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    with ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_holds_the_packages_and_no_folder_of_the_repository(installed):
    packages = {path.name for path in (ROOT / "plugins").iterdir() if (path / "__init__.py").is_file()}
    found = {path.name for path in installed.iterdir() if path.suffix != ".dist-info"}
    assert found == packages | {"benchmark"}
    assert (installed / "benchmark" / "py.typed").is_file()


def test_an_installed_bench_has_plugins_scenarios_and_budgets_in_any_folder(installed, tmp_path):
    command = [sys.executable, "-m", "benchmark", "matrix", "--budget", "smoke", "--dry-run", "--format", "json"]
    environment = {"PYTHONPATH": str(installed)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert [cell["translator"] for cell in json.loads(done.stdout)["cells"]] == [
        "source-only",
        "reinhard",
        "cyclegan",
        "oracle",
    ]
