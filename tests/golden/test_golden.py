"""The first steps of every training lose what they lost when `losses.json` was written.

Who changes a training on purpose writes the file anew: `python tests/golden/test_golden.py`.
"""

import importlib.util
import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
LOSSES = FOLDER / "losses.json"

spec = importlib.util.spec_from_file_location("golden", FOLDER / "golden.py")
golden = importlib.util.module_from_spec(spec)
spec.loader.exec_module(golden)


def losses_of_trainings(folder: Path) -> dict[str, dict[str, float]]:
    """Last losses of every training in fp32, whose rounding differs least between machines."""
    golden.run_golden_matrices(folder, "fp32")
    stages = golden.outcome(folder)
    return {name: stage["losses"] for name, stage in stages.items() if stage["losses"]}


@pytest.mark.timeout(600)
def test_every_training_loses_what_it_did(tmp_path):
    losses = losses_of_trainings(tmp_path / "results")
    expected = json.loads(LOSSES.read_text())
    assert losses.keys() == expected.keys()
    for name, values in expected.items():
        assert losses[name] == pytest.approx(values, rel=0.02, abs=1e-3), name


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as temporary:
        LOSSES.write_text(json.dumps(losses_of_trainings(Path(temporary)), indent=1) + "\n")
