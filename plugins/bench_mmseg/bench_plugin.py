"""What the segmenters add to bench besides themselves: checks that mmsegmentation can be used here."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from benchmark import DoctorCheck, check_import, hookimpl

MMCV_LIMIT = (2, 2)


@hookimpl
def bench_doctor_checks() -> Iterator[DoctorCheck]:
    """mmcv, then mmsegmentation with the two packages that it needs and does not declare."""
    yield check_mmcv()
    for name in ("ftfy", "regex"):
        yield check_import(name, name, f"pip install {name}")
    yield check_import("mmsegmentation", "mmseg", "pip install 'mmsegmentation>=1.2.2,<1.3' 'mmcv-lite>=2.1,<2.2'")


def check_mmcv() -> DoctorCheck:
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
        return DoctorCheck("fail", "mmcv", "not installed", advice)
    if any(_release(number) >= MMCV_LIMIT for number in found.values()):
        return DoctorCheck("fail", "mmcv", f"{text}, but mmsegmentation refuses 2.2 and later", advice)
    if len(found) > 1:
        return DoctorCheck("fail", "mmcv", f"{text}: two packages that overwrite each other's files", advice)
    return DoctorCheck("ok", "mmcv", text)


def _release(number: str) -> tuple[int, ...]:
    return tuple(int(part) for part in number.split(".")[:2] if part.isdigit())
