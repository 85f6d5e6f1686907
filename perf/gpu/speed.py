"""How fast are the trainings of the translators on this GPU, and what share of its rate do they use?

A case is one translator at its paper's width, an image size and a batch size; a step is measured on a batch that is on
the device already. The rate is that of a large bf16 matrix product, measured in the same call.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

from bench_engine.optimizers import wrap
from bench_engine.precision import channels_last
from bench_gan.networks import count_parameters
from bench_gan.options import AdversarialOptions
from bench_gan.translator import optimizers
from benchmark import Precision, StageContext
from benchmark.registry.registry import Registry, load_registry
from benchmark.testing.domains import make_domains
from benchmark.testing.nearest_colour import NearestColour
from perf.gpu.call import Deadline, markdown_table, parser
from perf.gpu.reference import REFERENCES, reference_step

ROOT = Path(__file__).parents[2]
SIZES, BATCHES = ((128, 256), (256, 256)), (1, 4, 16)
SMOKE_SIZES, SMOKE_BATCHES = ((64, 64),), (1, 2)
SMOKE_OPTIONS = {"filters": 4, "discriminator_filters": 4, "discriminator_layers": 1, "global_layers": 5}
WARM_UP, MOST_STEPS, SECONDS = 3, 30, 4.0
"""Steps that are not measured, in which kernels are chosen, and the bounds of those that are."""
MATRIX, SMOKE_MATRIX = 8192, 256

Step = Callable[[], object]


class Case(NamedTuple):
    """What is measured: a translator or a reference, with `batch` images of each domain, of `size`, in a step."""

    name: str
    size: tuple[int, int]
    batch: int


@dataclass(frozen=True)
class Measured:
    """What came of a case.

    Attributes:
        name, height, width, batch: The case.
        precision: "bf16" or "fp32", as autocast was set.
        milliseconds: Of a step, the median.
        flops: Of a step, forward and backward, as torch counts convolutions, matrix products and attention.
        share: Of the rate of the device.
        gib: The most memory of the GPU that was held; 0 on a CPU.
        parameters: Of the generators.
        error: Why there is nothing; empty where all went well.
    """

    name: str
    height: int
    width: int
    batch: int
    precision: str
    milliseconds: float = 0.0
    flops: int = 0
    share: float = 0.0
    gib: float = 0.0
    parameters: int = 0
    error: str = ""

    @property
    def images_per_second(self) -> float:
        """Source images; as many of the target are seen in the same time."""
        return 1000 * self.batch / self.milliseconds if self.milliseconds else 0.0


def share_of_rate(flops: int, seconds: float, rate: float) -> float:
    """Share of a rate, in operations per second, that so many operations in so long a time are."""
    return flops / seconds / rate if seconds and rate else 0.0


def learned_translators(registry: Registry) -> list[str]:
    """Names of the translators that the adversarial engine trains."""
    specs = [entry.spec for entry in registry.entries() if entry.kind == "translator" and entry.spec is not None]
    return [spec.name for spec in specs if issubclass(registry.options_class(spec), AdversarialOptions)]


def cases(names: Sequence[str], sizes: Sequence[tuple[int, int]], batches: Sequence[int]) -> Iterator[Case]:
    """All combinations, the smallest batches first, so that each translator has a figure when time runs out."""
    for batch in batches:
        for size in sizes:
            for name in names:
                yield Case(name, size, batch)


def training_step(registry: Registry, case: Case, context: StageContext, options: dict[str, Any]) -> tuple[Step, int]:
    """A step of the training of a translator on a batch that stays the same, and its generators' parameters."""
    spec = registry.find("translator", case.name)
    known = registry.options_class(spec).model_fields
    wanted = {"batch_size": case.batch, "images_seen": 10**6, **options}
    translator = registry.create(spec, {name: value for name, value in wanted.items() if name in known})
    model = channels_last(translator.make_model(context)).to(context.device).train()
    guarded = wrap(optimizers(model, translator.options), context, translator.clip_norm)
    domains = make_domains(("source_labels", *spec.needs), case.size, count=max(2, case.batch))
    batch = translator.batches(domains.source, domains.target, context)(0)
    placed = {name: value.to(context.device) for name, value in batch.items()}
    return lambda: model.train_step(placed, guarded), count_parameters(model.generators)


def synchronize(device: str) -> None:
    """Wait until the device has done all its work."""
    if device == "cuda":
        torch.cuda.synchronize()


def seconds_per_step(step: Step, device: str, deadline: Deadline) -> float:
    """Median time of a step, after some to warm up."""
    for _ in range(WARM_UP):
        step()
    synchronize(device)
    times: list[float] = []
    while len(times) < MOST_STEPS and sum(times) < SECONDS and (not times or deadline.left()):
        started = time.perf_counter()
        step()
        synchronize(device)
        times.append(time.perf_counter() - started)
    return median(times)


def matrix_rate(device: str, size: int, deadline: Deadline) -> float:
    """Operations per second of a bf16 product of two square matrices of random numbers."""
    first, second = torch.randn(2, size, size, dtype=torch.bfloat16, device=device)
    return 2 * size**3 / seconds_per_step(lambda: first @ second, device, deadline)


def count_flops(step: Step) -> int:
    """Operations of a step, as torch counts them."""
    with FlopCounterMode(display=False) as counter:
        step()
    return int(counter.get_total_flops())


def measure(
    case: Case, make_step: Callable[[], tuple[Step, int]], device: str, precision: str, rate: float, deadline: Deadline
) -> Measured:
    """Measure a case; an error, such as too little memory, is part of what came of it."""
    measured = Measured(case.name, *case.size, case.batch, precision)
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    try:
        step, parameters = make_step()
        flops = count_flops(step)
        seconds = seconds_per_step(step, device, deadline)
    except (RuntimeError, AssertionError) as error:  # of torch, memory among them, or of another project's code
        return Measured(**{**asdict(measured), "error": str(error).partition("\n")[0][:200]})
    memory = torch.cuda.max_memory_allocated() / 2**30 if device == "cuda" else 0.0
    share = share_of_rate(flops, seconds, rate)
    figures = {"milliseconds": 1000 * seconds, "flops": flops, "share": share, "gib": memory, "parameters": parameters}
    return Measured(**{**asdict(measured), **figures})


def speed_table(rows: Sequence[Measured]) -> str:
    """All figures as a markdown table."""
    headings = ["translator", "size", "batch", "precision", "ms/step", "images/s", "GFLOP/step", "share", "GiB"]
    cells = []
    for row in rows:
        case = [row.name, f"{row.height}x{row.width}", str(row.batch), row.precision]
        if row.error:
            cells.append([*case, row.error, "", "", "", ""])
            continue
        figures = [f"{row.milliseconds:.1f}", f"{row.images_per_second:.1f}", f"{row.flops / 1e9:.1f}"]
        cells.append([*case, *figures, f"{row.share:.1%}", f"{row.gib:.2f}"])
    return markdown_table(headings, cells)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure until all is done or time is up; the exit code is 0 when every case has figures."""
    options = parser(__doc__ or "", minutes=9)
    options.add_argument("--translators", help="their names, instead of all that are trained")
    options.add_argument("--precision", default="bf16", choices=["fp32", "bf16"], help="of our trainings")
    options.add_argument("--reference", type=Path, help="checkout of taesungp/contrastive-unpaired-translation")
    asked = options.parse_args(arguments)
    asked.out.mkdir(parents=True, exist_ok=True)
    deadline = Deadline.after(asked.minutes)
    registry = load_registry(ROOT)
    names = asked.translators.split(",") if asked.translators else learned_translators(registry)
    names += list(REFERENCES) if asked.reference else []
    sizes, batches = (SMOKE_SIZES, SMOKE_BATCHES) if asked.smoke else (SIZES, BATCHES)
    torch.backends.cudnn.benchmark = True  # as in a training
    rate = matrix_rate(asked.device, SMOKE_MATRIX if asked.smoke else MATRIX, deadline)
    device = torch.cuda.get_device_name() if asked.device == "cuda" else "CPU"
    title = f"{device}, torch {torch.__version__}: {rate / 1e12:.3g} TFLOP/s in a bf16 matrix product"
    print(title, flush=True)
    rows: list[Measured] = []
    longest = 0.0
    for case in cases(names, sizes, batches):
        started = time.monotonic()
        if deadline.allows(1.5 * longest):
            rows.append(_measure_case(case, registry, asked, rate, deadline))
        else:
            rows.append(Measured(case.name, *case.size, case.batch, "", error="out of time"))
        longest = max(longest, time.monotonic() - started)
        print(speed_table(rows[-1:]).splitlines()[-1], flush=True)
        content = {"device": device, "torch": torch.__version__, "rate": rate, "rows": [asdict(row) for row in rows]}
        (asked.out / "speed.json").write_text(json.dumps(content, indent=1))
        (asked.out / "speed.md").write_text(f"{title}\n\n{speed_table(rows)}")
    print(speed_table(rows))
    return 1 if any(row.error for row in rows) else 0


def _measure_case(case: Case, registry: Registry, asked: Any, rate: float, deadline: Deadline) -> Measured:
    precision: Precision = "fp32" if case.name in REFERENCES else asked.precision
    with tempfile.TemporaryDirectory() as folder:
        context = StageContext(Path(folder), device=asked.device, precision=precision)
        context.source_segmenter = NearestColour()

        def make_step() -> tuple[Step, int]:
            if case.name in REFERENCES:
                return reference_step(asked.reference, *case, asked.device, smoke=asked.smoke)
            return training_step(registry, case, context, SMOKE_OPTIONS if asked.smoke else {})

        return measure(case, make_step, asked.device, precision, rate, deadline)


if __name__ == "__main__":
    sys.exit(main())
