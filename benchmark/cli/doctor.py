"""`bench doctor`: what of this machine fits, what does not, and what to do about it."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

import click

from benchmark.cli.options import results_option
from benchmark.errors import BenchError
from benchmark.execution.machine import cores, has_gpu, resolve_precision
from benchmark.registry.entries import PluginEntry
from benchmark.registry.import_string import one_line
from benchmark.registry.registry import Registry, load_registry

STACK = ("torch", "torchvision", "mmengine", "mmsegmentation", "timm", "pydantic", "pluggy", "pytorch-fid")
MMCV_LIMIT = (2, 2)
FID_FILE = "pt_inception-2015-12-05-6726825d.pth"
FID_URL = f"https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/{FID_FILE}"
FREE_GIB = 2


@dataclass(frozen=True)
class Check:
    """One line of the doctor.

    Attributes:
        level: "fail" means that something will not work.
        name: What was looked at.
        detail: What was found.
        advice: What to do, where something is to be done.
    """

    level: Literal["ok", "warn", "fail"]
    name: str
    detail: str
    advice: str = ""


@click.command()
@results_option
@click.option("--json", "as_json", is_flag=True, help="Print an array for programs.")
@click.pass_context
def command(context: click.Context, results: Path, as_json: bool) -> None:
    """Check this machine: versions, devices, known traps, folders. Exit code 1 when something will not work."""
    found = []
    for check in run_checks(results):
        found.append(check)
        if not as_json:
            _show(check)
    if as_json:
        click.echo(json.dumps([asdict(check) for check in found], indent=2))
    context.exit(1 if any(check.level == "fail" for check in found) else 0)


def run_checks(results: Path) -> Iterator[Check]:
    """All checks, one after the other."""
    checks: list[Callable[[], Iterator[Check]]] = [
        check_python,
        check_stack,
        check_torch,
        check_mmcv,
        check_mmsegmentation,
        check_devices,
        check_bf16,
        lambda: check_results(results),
        check_fid_weights,
        lambda: check_data(os.environ.get("BENCH_DATA")),
        check_plugins,
    ]
    for check in checks:
        yield from check()


def check_python() -> Iterator[Check]:
    """The interpreter."""
    yield Check("ok", "python", f"{platform.python_version()} on {platform.platform()}")


def check_stack(names: tuple[str, ...] = STACK) -> Iterator[Check]:
    """Versions of what bench is built on."""
    found, missing = [], []
    for name in names:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if found:
        yield Check("ok", "packages", ", ".join(found))
    if missing:
        yield Check("fail", "packages", f"not installed: {', '.join(missing)}", "pip install uda-bench")


def check_torch() -> Iterator[Check]:
    """Torch and torchvision import together; a CPU-only torch beside a CUDA torchvision does not."""
    advice = "install both from one index: pip install --force-reinstall torch torchvision"
    for name in ("torch", "torchvision"):
        yield importing(name, name, advice)


def importing(name: str, module: str, advice: str) -> Check:
    """Whether a module can be imported, by importing it."""
    try:
        import_module(module)
    except Exception as error:  # whatever a foreign module raises while it is imported is the finding
        return Check("fail", name, f"cannot be imported: {one_line(error)}", advice)
    return Check("ok", name, "imports")


def check_mmcv() -> Iterator[Check]:
    """MMSegmentation 1.2.2 refuses mmcv 2.2 and later."""
    advice = "pip uninstall mmcv mmcv-lite && pip install 'mmcv-lite>=2.1,<2.2'"
    found = {}
    for name in ("mmcv", "mmcv-lite"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    text = ", ".join(f"{name} {number}" for name, number in found.items())
    if not found:
        yield Check("fail", "mmcv", "not installed", advice)
    elif any(_release(number) >= MMCV_LIMIT for number in found.values()):
        yield Check("fail", "mmcv", f"{text}, but mmsegmentation refuses 2.2 and later", advice)
    elif len(found) > 1:
        yield Check("fail", "mmcv", f"{text}: two packages that overwrite each other's files", advice)
    else:
        yield Check("ok", "mmcv", text)


def _release(number: str) -> tuple[int, ...]:
    return tuple(int(part) for part in number.split(".")[:2] if part.isdigit())


def check_mmsegmentation() -> Iterator[Check]:
    """MMSegmentation imports, with the two packages it needs and does not declare."""
    for name in ("ftfy", "regex"):
        yield importing(name, name, f"pip install {name}")
    yield importing("mmsegmentation", "mmseg", "pip install 'mmsegmentation>=1.2.2,<1.3' 'mmcv-lite>=2.1,<2.2'")


def check_devices() -> Iterator[Check]:
    """CPUs this process may use, and GPUs."""
    yield Check("ok", "cpu", f"{cores()} cores, {platform.machine()}")
    try:
        import torch
    except Exception as error:  # as in `importing`; `check_torch` has told what to do
        yield Check("fail", "gpu", f"not known without torch: {one_line(error)}")
        return
    for index in range(torch.cuda.device_count()):
        device = torch.cuda.get_device_properties(index)
        yield Check("ok", "gpu", f"{index}: {device.name}, {device.total_memory / 2**30:.0f} GiB")
    if torch.cuda.is_available():
        return
    if has_gpu(os.environ):
        detail = f"the driver shows a GPU, but torch {torch.__version__} cannot use it"
        yield Check("warn", "gpu", detail, "install a torch built for this driver's CUDA, or pass --device cpu")
    else:
        yield Check("ok", "gpu", "none; the budget `cpu` is the default")


def check_bf16() -> Iterator[Check]:
    """Where training uses bfloat16 unless told otherwise."""
    places = ["CPU"] if resolve_precision("auto", "cpu") == "bf16" else []
    with suppress(Exception):  # as in `importing`; `check_torch` has told
        import torch

        places += ["GPU"] if torch.cuda.is_available() and resolve_precision("auto", "cuda") == "bf16" else []
    yield Check("ok", "bf16", f"on the {' and the '.join(places)}" if places else "not in hardware; fp32 is used")


def check_results(results: Path) -> Iterator[Check]:
    """The results folder, or the first existing folder above it, takes files and has room."""
    advice = "choose another one with --results or BENCH_RESULTS"
    place = next(folder for folder in (results.absolute(), *results.absolute().parents) if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            free = shutil.disk_usage(place).free / 2**30
    except OSError as error:
        yield Check("fail", "results", f"{results} cannot be written: {error.strerror} ({place})", advice)
        return
    detail = f"{results} can be written, {free:.0f} GiB free"
    yield Check("ok", "results", detail) if free >= FREE_GIB else Check("warn", "results", detail, advice)


def check_fid_weights() -> Iterator[Check]:
    """The Inception weights of FID and KID, where pytorch-fid looks for them."""
    home = Path(os.environ.get("TORCH_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "torch")
    path = home.expanduser() / "hub" / "checkpoints" / FID_FILE
    advice = f"put {FID_URL} there, or pass --fid-weights PATH; without it the columns fid and kid stay empty"
    if not path.is_file():
        yield Check("warn", "fid weights", f"{path} is not there", advice)
        return
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if FID_FILE.rpartition("-")[2].startswith(digest[:8]):
        yield Check("ok", "fid weights", str(path))
    else:
        yield Check(
            "fail", "fid weights", f"{path} is damaged: its hash starts with {digest[:8]}", f"delete it; {advice}"
        )


def check_data(folder: str | None) -> Iterator[Check]:
    """The folder that relative paths of data sets start from."""
    if not folder:
        yield Check("ok", "BENCH_DATA", "not set; relative paths of data sets start from the working folder")
    elif Path(folder).is_dir():
        yield Check("ok", "BENCH_DATA", folder)
    else:
        yield Check("fail", "BENCH_DATA", f"{folder} is no folder", "set BENCH_DATA to the folder of your data sets")


def check_plugins() -> Iterator[Check]:
    """Every registered plugin imports and fulfils its contract."""
    try:
        registry = load_registry()
    except BenchError as error:
        yield Check("fail", "plugins", str(error))
        return
    problems = [check for entry in registry.entries() for check in _plugin_problems(entry, registry)]
    yield from problems
    usable = len(registry.entries()) - len(problems)
    yield Check("ok", "plugins", f"{usable} of {len(registry.entries())} can be used")


def _plugin_problems(entry: PluginEntry, registry: Registry) -> Iterator[Check]:
    name = f"{entry.kind} {entry.name}"
    if entry.spec is None or entry.state != "ok":
        advice = f"upgrade or uninstall {entry.distribution}"
        yield Check("fail", name, f"{entry.distribution} {entry.version}: {entry.state}: {entry.error}", advice)
        return
    try:
        registry.load(entry.spec)
        registry.options_class(entry.spec)
    except BenchError as error:
        yield Check("fail", name, str(error), f"check the installation of {entry.distribution}")


def _show(check: Check) -> None:
    colour = {"ok": "green", "warn": "yellow", "fail": "red"}[check.level]
    click.echo(f"{click.style(f'{check.level:<4}', fg=colour)}  {check.name}: {check.detail}")
    if check.advice:
        click.echo(f"      -> {check.advice}")
    sys.stdout.flush()
