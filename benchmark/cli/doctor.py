"""`bench doctor`: what of this machine fits, what does not, and what to do about it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

from benchmark.api.doctor_check import DoctorCheck, check_import
from benchmark.cli.options import results_option
from benchmark.errors import BenchError, PluginError
from benchmark.execution.machine import cores, has_gpu, resolve_precision
from benchmark.registry.entries import PluginEntry
from benchmark.registry.import_string import one_line
from benchmark.registry.registry import Registry, load_registry

STACK = ("torch", "torchvision", "mmengine", "mmsegmentation", "timm", "pydantic", "pluggy", "pytorch-fid")
FREE_GIB = 2


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


def run_checks(results: Path) -> Iterator[DoctorCheck]:
    """All checks, one after the other."""
    checks: list[Callable[[], Iterator[DoctorCheck]]] = [
        check_python,
        check_stack,
        check_torch,
        check_devices,
        check_bf16,
        lambda: check_results(results),
        lambda: check_data(os.environ.get("BENCH_DATA")),
        check_plugins,
        check_what_plugins_need,
    ]
    for check in checks:
        yield from check()


def check_python() -> Iterator[DoctorCheck]:
    """The interpreter."""
    yield DoctorCheck("ok", "python", f"{platform.python_version()} on {platform.platform()}")


def check_stack(names: tuple[str, ...] = STACK) -> Iterator[DoctorCheck]:
    """Versions of what bench is built on."""
    found, missing = [], []
    for name in names:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if found:
        yield DoctorCheck("ok", "packages", ", ".join(found))
    if missing:
        yield DoctorCheck("fail", "packages", f"not installed: {', '.join(missing)}", "pip install uda-bench")


def check_torch() -> Iterator[DoctorCheck]:
    """Torch and torchvision import together; a CPU-only torch beside a CUDA torchvision does not."""
    advice = "install both from one index: pip install --force-reinstall torch torchvision"
    for name in ("torch", "torchvision"):
        yield check_import(name, name, advice)


def check_devices() -> Iterator[DoctorCheck]:
    """CPUs this process may use, and GPUs."""
    yield DoctorCheck("ok", "cpu", f"{cores()} cores, {platform.machine()}")
    try:
        import torch
    except Exception as error:  # as in `check_import`; `check_torch` says what to do
        yield DoctorCheck("fail", "gpu", f"not known without torch: {one_line(error)}")
        return
    for index in range(torch.cuda.device_count()):
        device = torch.cuda.get_device_properties(index)
        yield DoctorCheck("ok", "gpu", f"{index}: {device.name}, {device.total_memory / 2**30:.0f} GiB")
    if torch.cuda.is_available():
        return
    if has_gpu(os.environ):
        detail = f"the driver shows a GPU, but torch {torch.__version__} cannot use it"
        yield DoctorCheck("warn", "gpu", detail, "install a torch built for this driver's CUDA, or pass --device cpu")
    else:
        yield DoctorCheck("ok", "gpu", "none; the budget `cpu` is the default")


def check_bf16() -> Iterator[DoctorCheck]:
    """Where training uses bfloat16 by default."""
    places = []
    if resolve_precision("auto", "cpu") == "bf16":
        places.append("CPU")
    with suppress(Exception):  # as in `check_import`; `check_torch` has reported it
        import torch

        if torch.cuda.is_available() and resolve_precision("auto", "cuda") == "bf16":
            places.append("GPU")
    detail = f"on the {' and the '.join(places)}" if places else "not in hardware; fp32 is used"
    yield DoctorCheck("ok", "bf16", detail)


def check_results(results: Path) -> Iterator[DoctorCheck]:
    """The results folder, or the first existing folder above it, takes files and has room."""
    advice = "choose another one with --results or BENCH_RESULTS"
    folder = results.absolute()
    place = next(candidate for candidate in (folder, *folder.parents) if candidate.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            free = shutil.disk_usage(place).free / 2**30
    except OSError as error:
        yield DoctorCheck("fail", "results", f"{results} cannot be written: {error.strerror} ({place})", advice)
        return
    detail = f"{results} can be written, {free:.0f} GiB free"
    if free >= FREE_GIB:
        yield DoctorCheck("ok", "results", detail)
    else:
        yield DoctorCheck("warn", "results", detail, advice)


def check_data(folder: str | None) -> Iterator[DoctorCheck]:
    """The folder that relative paths of data sets start from."""
    if not folder:
        yield DoctorCheck("ok", "BENCH_DATA", "not set; relative paths of data sets start from the working folder")
    elif Path(folder).is_dir():
        yield DoctorCheck("ok", "BENCH_DATA", folder)
    else:
        yield DoctorCheck(
            "fail", "BENCH_DATA", f"{folder} is no folder", "set BENCH_DATA to the folder of your data sets"
        )


def check_plugins() -> Iterator[DoctorCheck]:
    """Every registered plugin imports and fulfils its contract."""
    try:
        registry = load_registry()
    except BenchError as error:
        yield DoctorCheck("fail", "plugins", str(error))
        return
    entries = registry.entries()
    problems: list[DoctorCheck] = []
    for entry in entries:
        problems += _plugin_problems(entry, registry)  # one at most for each plugin
    yield from problems
    yield DoctorCheck("ok", "plugins", f"{len(entries) - len(problems)} of {len(entries)} can be used")


def check_what_plugins_need() -> Iterator[DoctorCheck]:
    """The checks that plugins bring; one that raises is a finding."""
    with suppress(BenchError):  # `check_plugins` tells
        registry = load_registry()
        for name, checks in registry.each_result("bench_doctor_checks"):
            yield from _plugin_checks(name, checks)


def _plugin_checks(name: str, checks: Callable[[], Iterable[Any]]) -> Iterator[DoctorCheck]:
    try:
        for check in checks():
            if not isinstance(check, DoctorCheck):
                raise PluginError(f"bench_doctor_checks must give DoctorChecks, but gave {check!r}")
            yield check
    except Exception as error:  # a third party's code
        yield DoctorCheck("fail", name, f"its checks failed: {one_line(error)}", "tell the author of the plugin")


def _plugin_problems(entry: PluginEntry, registry: Registry) -> Iterator[DoctorCheck]:
    name = f"{entry.kind} {entry.name}"
    if entry.spec is None or entry.state != "ok":
        advice = f"upgrade or uninstall {entry.distribution}"
        yield DoctorCheck("fail", name, f"{entry.distribution} {entry.version}: {entry.state}: {entry.error}", advice)
        return
    try:
        registry.load(entry.spec)
        registry.options_class(entry.spec)
    except BenchError as error:
        yield DoctorCheck("fail", name, str(error), f"check the installation of {entry.distribution}")


def _show(check: DoctorCheck) -> None:
    colour = {"ok": "green", "warn": "yellow", "fail": "red"}[check.level]
    click.echo(f"{click.style(f'{check.level:<4}', fg=colour)}  {check.name}: {check.detail}")
    if check.advice:
        click.echo(f"      -> {check.advice}")
    sys.stdout.flush()
