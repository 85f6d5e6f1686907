"""Does everything work on this GPU? Tests marked `gpu`, and all translators with all segmenters in a smoke matrix.

The tests hold ten steps of each training against the CPU, resume each after an interruption, and run two matrices at a
time on one GPU; `tests.xml` has what they measured.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from benchmark.registry.registry import Registry, load_registry
from perf.gpu.call import Deadline, markdown_table, parser, run_command

ROOT = Path(__file__).parents[2]
PARTS = ("doctor", "tests", "matrix")
PAIRED = "streets-labels-to-photo"
"""A scenario in which translators that need pairs take part, too."""
NETWORK = ROOT / "tests" / "golden" / "fcn.py"
FEW_TESTS = "cut or share"
SHOWN = 3000
"""Characters of the log that are printed at the end."""


@dataclass(frozen=True)
class Step:
    """A part of the check.

    Attributes:
        name: What the summary calls it.
        command: Program and arguments.
        environment: Variables that are set for it.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


def steps(registry: Registry, device: str, out: Path, results: Path, *, smoke: bool) -> list[Step]:
    """The parts of the check, in the order of what they tell.

    Args:
        registry: Whose translators and segmenters are run.
        device: "cuda", or "cpu" to try the check itself.
        out: Folder for what is brought back.
        results: Results folder of the matrix.
        smoke: Only a few tests, and one plugin of each kind.
    """
    bench = [sys.executable, "-m", "benchmark"]
    tests = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "--gpu-tests-on", device, "tests/test_devices.py"]
    # not this project's options of pytest: a plugin that they name may be missing on such a machine
    tests += ["-o", "addopts=--import-mode=importlib", "-o", "junit_family=xunit1", "-p", "no:cacheprovider"]
    tests += [f"--junitxml={out / 'tests.xml'}"]
    if smoke:
        tests += ["-k", FEW_TESTS]
    return [
        Step("doctor", [*bench, "doctor"]),
        Step("tests", tests, {"OMP_NUM_THREADS": "1"}),
        Step("matrix", [*bench, *matrix_arguments(registry, device, results, smoke=smoke)]),
    ]


def matrix_arguments(registry: Registry, device: str, results: Path, *, smoke: bool) -> list[str]:
    """Arguments of `bench` for the smoke matrix of all translators with all segmenters."""
    translators, segmenters = (_names(registry, kind) for kind in ("translator", "segmenter"))
    if smoke:
        translators, segmenters = translators[:1], segmenters[:1]
    arguments = ["matrix", "--scenario", PAIRED, "--budget", "smoke", "--device", device, "--slots", "4"]
    arguments += ["--translators", ",".join(translators), "--segmenters", ",".join(segmenters)]
    arguments += ["--metrics", "segmentation,semantic-flip,ssim", "--results", str(results)]
    if "mmseg" in segmenters:
        arguments += ["--set", f'segmenter.mmseg.config="{NETWORK}"']
    return arguments


def measurements(report: Path) -> list[tuple[str, str]]:
    """What the tests of a JUnit report measured, by test and name; empty where there is no whole report."""
    try:
        root = ElementTree.parse(report).getroot()
    except (OSError, ElementTree.ParseError):
        return []
    found: list[tuple[str, str]] = []
    for case in root.iter("testcase"):
        of_case = {str(measured.get("name")): measured.get("value", "") for measured in case.iter("property")}
        found += [(f"{case.get('name')} {name}", value) for name, value in of_case.items()]
    return found


def _names(registry: Registry, kind: str) -> list[str]:
    return [entry.name for entry in registry.entries() if entry.kind == kind and entry.state == "ok"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the check; the exit code is 0 when every part has passed."""
    description = parser(__doc__ or "", minutes=9.5)
    description.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS, help="%(default)s by default")
    options = description.parse_args(arguments)
    deadline = Deadline.after(options.minutes)
    out = options.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for step in steps(load_registry(ROOT), options.device, out, Path(folder), smoke=options.smoke):
            if step.name not in options.parts:
                continue
            started = time.monotonic()
            status = run_command(step.command, out / "check.log", deadline, step.environment)
            rows.append({"part": step.name, "status": status, "seconds": round(time.monotonic() - started, 1)})
            print(f"{step.name}: {status}", flush=True)
            (out / "check.json").write_text(json.dumps(rows, indent=1))
    print((out / "check.log").read_text()[-SHOWN:])
    print(markdown_table(["measured", ""], measurements(out / "tests.xml")))
    print(markdown_table(["part", "status", "seconds"], [[str(cell) for cell in row.values()] for row in rows]))
    return 0 if all(row["status"] == "passed" for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
