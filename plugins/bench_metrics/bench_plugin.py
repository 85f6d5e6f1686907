"""What the metrics add to bench besides themselves: a short option for their weights, and a check of that file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from benchmark import CommandOption, DoctorCheck, hookimpl


@hookimpl
def bench_command_options() -> Sequence[CommandOption]:
    """`--fid-weights`, which FID and KID share."""
    return [CommandOption("--fid-weights", "metric.weights", "file", "Inception weights for FID and KID.")]


@hookimpl
def bench_doctor_checks() -> Iterator[DoctorCheck]:
    """The Inception weights of FID and KID, where pytorch-fid looks for them."""
    from bench_metrics.options import WEIGHTS_NAME, WEIGHTS_URL, usual_weights

    path = usual_weights()
    advice = f"put {WEIGHTS_URL} there, or pass --fid-weights PATH; without it the columns fid and kid stay empty"
    if not path.is_file():
        yield DoctorCheck("warn", "fid weights", f"{path} is not there", advice)
        return
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if WEIGHTS_NAME.rpartition("-")[2].startswith(digest[:8]):
        yield DoctorCheck("ok", "fid weights", str(path))
    else:
        detail = f"{path} is damaged: its hash starts with {digest[:8]}"
        yield DoctorCheck("fail", "fid weights", detail, f"delete it; {advice}")
