"""What a few steps of every training come to, so that a change which is to change nothing is seen to do so.

    python tests/golden/golden.py write BEFORE.json     # on the revision before the change
    python tests/golden/golden.py compare BEFORE.json   # on the revision after it, on the same machine

Digests of weights, translations and metrics are equal on one machine only; the losses that are stored beside them
agree between machines to a few digits, and are what the tests hold `losses.json` against.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
MATRICES = (FOLDER / "golden.toml", FOLDER / "golden_segmenters.toml")
PRECISIONS = ("fp32", "bf16")
NETWORK = FOLDER / "fcn.py"
COMPARED = ("*.safetensors", "*.npy", "*.npz")
"""Files of a finished stage that are hashed."""


def run_golden_matrices(results: Path, precision: str, *options: str) -> None:
    """Run the matrices of this folder; `CalledProcessError` when a cell fails."""
    for matrix in MATRICES:
        command = [sys.executable, "-m", "benchmark", "matrix", str(matrix), "--results", str(results)]
        command += ["--precision", precision, "--threads", "1", *options]
        if "mmseg" in tomllib.loads(matrix.read_text())["segmenters"]:
            command += ["--set", f'segmenter.mmseg.config="{NETWORK}"']
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def stage_folders(results: Path) -> dict[str, Path]:
    """Folders of the finished stages by cell and role, as `streets cut mmseg fit-translator`.

    A stage that several cells share is listed under the first of them.
    """
    folders: dict[str, Path] = {}
    for path in sorted((results / "records").glob("*.json")):
        record = json.loads(path.read_text())
        cell = f"{record['scenario']} {record['translator']} {record['segmenter']}"
        for role, stage in record["stages"].items():
            [folder] = (results / "stages").glob(f"*/{stage['key']}")
            if folder not in folders.values():
                folders[f"{cell} {role}"] = folder
    return folders


def digest(folder: Path) -> str:
    """Hash of the files of a stage that hold what it came to."""
    total = hashlib.sha256()
    for pattern in COMPARED:
        for file in sorted(folder.rglob(pattern)):
            total.update(file.name.encode())
            total.update(file.read_bytes())
    scores = folder / "metrics.json"
    if scores.exists():
        numbers = json.loads(scores.read_text())["metrics"]
        total.update(json.dumps(numbers, sort_keys=True).encode())
    return total.hexdigest()[:16]


def last_losses(folder: Path) -> dict[str, float]:
    """The scalars that a training logged last; empty for a stage that trains nothing."""
    log = folder / "scalars.jsonl"
    if not log.exists():
        return {}
    last: dict[str, float] = json.loads(log.read_text().splitlines()[-1])
    return last


def outcome(results: Path) -> dict[str, dict[str, Any]]:
    """Digest and last losses of every stage, by cell and role."""
    return {
        name: {"digest": digest(folder), "losses": last_losses(folder)}
        for name, folder in stage_folders(results).items()
    }


def golden_outcome() -> dict[str, Any]:
    """The outcome of the matrices in both precisions."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for precision in PRECISIONS:
            results = Path(folder) / precision
            run_golden_matrices(results, precision)
            found[precision] = outcome(results)
    return found


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """One line for each stage whose digest is not the same."""
    lines = []
    for precision in PRECISIONS:
        for name in sorted({*before[precision], *after[precision]}):
            old = before[precision].get(name, {}).get("digest", "absent")
            new = after[precision].get(name, {}).get("digest", "absent")
            if old != new:
                lines.append(f"{precision} {name}: {old} -> {new}")
    return lines


def main(arguments: Sequence[str]) -> int:
    """Write the outcome to a file, or compare it with one; the exit code is 1 where they differ."""
    verb, path = arguments[0], Path(arguments[1])
    found = golden_outcome()
    if verb == "write":
        path.write_text(json.dumps(found, indent=1))
        return 0
    lines = differences(json.loads(path.read_text()), found)
    stages = sum(len(found[precision]) for precision in PRECISIONS)
    print("\n".join([*lines, f"{len(lines)} of {stages} stages differ"]))
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
