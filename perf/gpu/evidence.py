"""Boards from networks of full width, by a list of priorities: runs until time is up, and goes on with the next call.

Each entry of `evidence.toml` is a matrix. Its scenarios are run one after the other, each with all of its rows; those
whose records are there already are left out. Where the results folder is still there, stages that were cut off go on at
their checkpoints; on a new machine, records of earlier calls can be given with `--records`.
"""

from __future__ import annotations

import json
import shutil
import sys
import tarfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from benchmark.config.resolve import resolve_matrix
from benchmark.registry.registry import Registry, load_registry
from benchmark.results.records import read_records
from perf.gpu.call import Deadline, Status, markdown_table, parser, run_command

ROOT = Path(__file__).parents[2]
PRIORITIES, BUDGET = ROOT / "perf" / "gpu" / "evidence.toml", ROOT / "perf" / "gpu" / "full-width.toml"
RESULTS = ROOT / "build" / "gpu-evidence"
LEAST_SECONDS = 60
"""Time that is left below which no further scenario is begun."""
SETTLED = ("done", "skipped")
"""Statuses of records by which there is nothing left to do."""


class Part(NamedTuple):
    """One call of `bench matrix`: a scenario of a matrix, with all of its rows, at one seed."""

    matrix: str
    scenario: str
    seed: int


SMOKE_PARTS = (Part("demo", "streets", 0),)


class Cell(NamedTuple):
    """A row at one seed, under a budget that is known by the hash of what it sets."""

    scenario: str
    translator: str
    segmenter: str
    seed: int
    budget: str


def parts(priorities: Path, registry: Registry) -> list[Part]:
    """All parts in the order of their priority; of a matrix, the first seed of each scenario comes first."""
    found: list[Part] = []
    for entry in tomllib.loads(priorities.read_text())["matrix"]:
        matrix = resolve_matrix(entry["name"], {}, registry)
        scenarios = [scenario.name for scenario in matrix.scenarios]
        found += [Part(entry["name"], name, seed) for seed in entry["seeds"] for name in scenarios]
    return found


def cells(part: Part, budget: str, registry: Registry) -> set[Cell]:
    """The rows of a part under a budget, given by name or path."""
    asked = {"scenarios": [part.scenario], "seeds": [part.seed], "budget": budget}
    matrix = resolve_matrix(part.matrix, asked, registry)
    found: set[Cell] = set()
    for translator in matrix.translators:
        for segmenter in matrix.segmenters:
            found.add(Cell(part.scenario, translator.alias, segmenter.alias, part.seed, matrix.budget_digest))
    return found


def settled_cells(results: Path) -> set[Cell]:
    """Rows that need not be run again, by the records of a results folder."""
    found: set[Cell] = set()
    records, _ = read_records(results)
    for record in records:
        if record["status"] in SETTLED:
            names = record["scenario"], record["translator"], record["segmenter"]
            found.add(Cell(*names, record["seed"], record["budget"]["digest"]))
    return found


def command(part: Part, budget: str, device: str, slots: int, results: Path) -> list[str]:
    """The call of `bench` that runs a part."""
    words = [sys.executable, "-m", "benchmark", "matrix", part.matrix, "--scenario", part.scenario]
    words += ["--seeds", str(part.seed), "--budget", budget, "--device", device, "--slots", str(slots)]
    return [*words, "--results", str(results)]


def bring_back(results: Path, out: Path) -> None:
    """Pack the records and pictures of a results folder into files that are brought back."""
    with tarfile.open(out / "evidence.tar.gz", "w:gz") as archive:
        for name in ("records", "pictures"):
            if (results / name).is_dir():
                archive.add(results / name, name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run parts until time is up; the exit code is 0 unless one has failed."""
    options = parser(__doc__ or "", minutes=9.5)
    options.add_argument("--slots", type=int, default=4, help="stages at a time on the GPU")
    options.add_argument("--records", type=Path, help="folder of records that earlier calls brought back")
    options.add_argument("--priorities", type=Path, default=PRIORITIES, help="list of matrices")
    options.add_argument("--results", type=Path, default=RESULTS, help="results folder, to go on with")
    asked = options.parse_args(arguments)
    deadline = Deadline.after(asked.minutes)
    out, results = asked.out.absolute(), asked.results.absolute()
    for folder in (out, results):
        folder.mkdir(parents=True, exist_ok=True)
    if asked.records:
        shutil.copytree(asked.records, results / "records", dirs_exist_ok=True)
    registry = load_registry(ROOT)
    budget = "smoke" if asked.smoke else str(BUDGET)
    rows: list[tuple[Part, Status | Literal["there already"]]] = []
    for part in SMOKE_PARTS if asked.smoke else parts(asked.priorities, registry):
        if cells(part, budget, registry) <= settled_cells(results):
            rows.append((part, "there already"))
        elif not deadline.allows(LEAST_SECONDS):
            rows.append((part, "out of time"))
        else:
            words = command(part, budget, asked.device, asked.slots, results)
            rows.append((part, run_command(words, out / "evidence.log", deadline)))
        print(*part, rows[-1][1], flush=True)
    bring_back(results, out)
    state = [{**part._asdict(), "status": status} for part, status in rows]
    (out / "evidence.json").write_text(json.dumps(state, indent=1))
    headings = ["matrix", "scenario", "seed", "status"]
    print(markdown_table(headings, [[part.matrix, part.scenario, str(part.seed), status] for part, status in rows]))
    return 1 if any(status == "failed" for _, status in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
