"""Runs one stage, in this process or as a process of its own that a job file describes."""

from __future__ import annotations

import ctypes
import errno
import io
import json
import logging
import os
import random
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmark.api.executor import Job, Outcome
from benchmark.api.stage_context import Precision, StageContext
from benchmark.errors import BenchError, PluginError, StoreError, UsageError
from benchmark.execution.machine import resolve_device, resolve_precision
from benchmark.execution.provenance import check_unchanged, loaded_code, make_provenance
from benchmark.plan.stage_kinds import STAGE_KINDS
from benchmark.registry.registry import load_registry
from benchmark.store.json_files import plain, read_json, write_json
from benchmark.store.layout import LOG, PROGRESS, RESULT, STAGE
from benchmark.store.locks import Busy
from benchmark.store.stage_folder import StageFolder, is_progress
from benchmark.store.store import Store

SECONDS_BETWEEN_REPORTS = 0.3
DESCRIBED = ("kind", "plugin", "seed", "spec", "inputs")
"""Fields of a job that its folder holds for people."""
OUTCOMES = ("done", "found", "busy", "failed", "oom", "timeout", "interrupted", "invalid")
MACHINE_ERRORS = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ESTALE),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM),
)
"""System errors of a full or failing disk, of too many open files, of too little memory: no fault of a stage."""
log = logging.getLogger("bench")
OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory")


def run_job(job: Job, *, capture: bool) -> Outcome:
    """Run a stage under its lock; failures are returned, not raised.

    Args:
        job: The stage.
        capture: Send everything the process prints into the log of the stage.
    """
    folder = stage_folder(job)
    try:
        with folder.lock():
            if folder.finished():
                return Outcome("found")
            outcome = _attempt(job, folder, capture=capture)
            _record_outcome(job, outcome)  # with the lock held, as it reads and writes the failure of the stage
            return outcome
    except Busy:
        return Outcome("busy")
    except BenchError as error:
        return Outcome(*_status_and_reason(error, job.plugin))


def missing_inputs(job: Job) -> list[str]:
    """Roles of the inputs of a job that are not finished stages any more."""
    store = Store(Path(job.results))
    return [role for role, place in job.inputs.items() if not store.stage(*place).finished()]


def stage_folder(job: Job) -> StageFolder:
    """Where the stage of a job lies."""
    return Store(Path(job.results)).stage(job.kind, job.key)


def main(job_file: str) -> None:
    """Entry of a process: run the job of a file and write how it ended beside it."""
    path = Path(job_file)
    fields = json.loads(path.read_text())
    fields["inputs"] = {role: tuple(place) for role, place in fields["inputs"].items()}  # JSON has lists alone
    job = Job(**fields)
    os.environ |= _environment(job)
    write_json(outcome_file(path), asdict(run_job(job, capture=True)))


def outcome_file(job_file: Path) -> Path:
    """Where `main` writes how a job ended."""
    return job_file.with_suffix(".outcome.json")


def read_outcome(job_file: Path) -> Outcome | None:
    """How a job ended, or None when its process died before it stored that."""
    stored = read_json(outcome_file(job_file))
    try:
        outcome = Outcome(stored["status"], stored["reason"], tuple(stored["log_tail"]))
    except (TypeError, KeyError):  # missing, or not what `main` writes
        return None
    texts = [outcome.status, outcome.reason, *outcome.log_tail]
    is_valid = all(isinstance(text, str) for text in texts) and outcome.status in OUTCOMES
    return outcome if is_valid else None


def lead_group() -> None:
    """Make this process the head of a process group of its own, so that it and its helpers can be ended together."""
    os.setsid()
    if sys.platform == "linux":  # the server it was forked from may be killed alone, unseen by `end_with_parent`
        parent_death_signal, child_subreaper = 1, 36
        library = ctypes.CDLL(None)
        library.prctl(parent_death_signal, signal.SIGKILL)
        library.prctl(child_subreaper, 1)  # what a plugin detaches becomes a child of this process, and ends with it


def end_with_parent(wait_for_parent: Callable[[], object]) -> None:
    """End this process and its helpers at once when its parent is gone: no orphan goes on computing."""

    # a thread, as a signal would wait for the C code that a stage may be in
    def watch() -> None:
        wait_for_parent()
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def _environment(job: Job) -> dict[str, str]:
    libraries = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    variables = dict.fromkeys(libraries, str(job.threads))
    if job.gpu is not None:
        variables["CUDA_VISIBLE_DEVICES"] = job.gpu
    return variables


def _attempt(job: Job, folder: StageFolder, *, capture: bool) -> Outcome:
    try:
        work = folder.start()
        described = {name: value for name, value in asdict(job).items() if name in DESCRIBED}
        write_json(work / STAGE, described, indent=1)
        with _logging(work / LOG, capture=capture):
            try:
                _run(job, work)
                folder.finish()
            except BaseException:
                _write_traceback(work / LOG)
                raise
    except BaseException as error:  # a plugin's code may raise anything; it ends this stage alone
        if isinstance(error, KeyboardInterrupt) and not capture:  # Ctrl-C in the process of the driver
            raise
        status, reason = _status_and_reason(error, job.plugin)
        missing = missing_inputs(job)
        if missing and status == "failed":  # whatever it raised, a lost input explains it, and a new run may succeed
            status, reason = "interrupted", f"an input is gone or damaged ({', '.join(missing)}); run it again"
        return Outcome(status, reason, folder.log_tail())
    return Outcome("done")


def _run(job: Job, work: Path) -> None:
    missing = missing_inputs(job)
    if missing:
        raise StoreError(f"an input is not there any more ({', '.join(missing)}); run the same command again")
    started = time.perf_counter()
    device = "cpu"
    precision: Precision = "fp32"
    kind = STAGE_KINDS[job.kind]
    if kind.needs_gpu:
        device = resolve_device(job.device)
        precision = resolve_precision(job.precision, device)
        _set_up_torch(job, device)
    random.seed(job.seed or 0)
    registry = load_registry(Path(job.project))
    code = loaded_code()
    check_unchanged(job, registry, code.digests)
    provenance = make_provenance(job, device, precision, code, registry)
    store = Store(Path(job.results))
    inputs = {role: store.stage(*place).path for role, place in job.inputs.items()}
    context = StageContext(
        folder=work,
        seed=job.seed or 0,
        device=device,
        precision=precision,
        on_progress=_reporter(work / PROGRESS),
        name=stage_name(job),
    )
    run_stage = kind.import_work()
    run_stage(job.spec, inputs, context, registry)
    seconds = time.perf_counter() - started
    result = {
        "seconds": seconds,
        "device": device,
        "precision": precision,
        "threads": job.threads,
        "facts": plain(context.facts | _peak_memory(device)),
        "provenance": provenance,
    }
    write_json(work / RESULT, result, indent=1)


def stage_name(job: Job) -> str:
    """Plugin, what it is trained on where that is another plugin's output, and seed: "deeplabv3.on-cyclegan.s0"."""
    parts = [job.plugin]
    if "train" in job.inputs:
        described = read_json(Store(Path(job.results)).stage(*job.inputs["train"]).path / STAGE)
        parts.append(f"on-{described['plugin']}" if isinstance(described, dict) else "")
    parts.append("" if job.seed is None else f"s{job.seed}")
    return ".".join(part for part in parts if part)


def _set_up_torch(job: Job, device: str) -> None:
    import numpy as np
    import torch

    seed = job.seed or 0
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    torch.set_num_threads(job.threads)
    if device == "cpu":
        torch.set_deterministic_debug_mode("warn")  # torch.use_deterministic_algorithms would import the compiler
        # Otherwise torch also fills all new memory, to show reads of uninitialised values; nothing else needs it.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def _peak_memory(device: str) -> dict[str, int]:
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kibibytes on Linux
    facts = {"peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}
    if device == "cuda":
        import torch

        facts["peak_gpu_memory_bytes"] = torch.cuda.max_memory_allocated()
    return facts


def _reporter(path: Path) -> Callable[[dict[str, Any]], None]:
    last = 0.0
    reported = False

    def report(progress: Mapping[str, Any]) -> None:
        nonlocal last, reported
        if not is_progress(progress):
            if not reported:
                reported = True
                log.warning("progress must be given as finite numbers, and is not announced: %r", dict(progress))
            return
        # every write is a rename on the disk: not at each step, but always at the last one
        now = time.monotonic()
        if now - last >= SECONDS_BETWEEN_REPORTS or progress["done"] == progress["total"]:
            last = now
            write_json(path, plain(progress))

    return report


@contextmanager
def _logging(path: Path, *, capture: bool) -> Iterator[None]:
    """Log records, and with `capture` all output of this process for the rest of its life, go into a file.

    Records named `bench` count from INFO on, all others from WARNING on.
    """
    if capture:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
            stream.flush()
            os.dup2(descriptor, number)
            if isinstance(stream, io.TextIOWrapper):  # in a file, lines of both would else not stand in their order
                stream.reconfigure(line_buffering=True)
        os.close(descriptor)
    handler = logging.StreamHandler() if capture else logging.FileHandler(path, delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logging.getLogger().addHandler(handler)
    logging.getLogger("bench").setLevel(logging.INFO)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()


def _write_traceback(path: Path) -> None:
    with path.open("a") as file:
        traceback.print_exc(file=file)


def _status_and_reason(error: BaseException, plugin: str) -> tuple[str, str]:
    """Status and one-line reason for what a stage raised."""
    text = _message(error)
    first = text.splitlines()[0] if text else ""
    # by name, so that torch is not imported for its own error
    names = {kind.__name__ for kind in type(error).__mro__}
    says_out_of_memory = any(hint in text.lower() for hint in OUT_OF_MEMORY)
    if says_out_of_memory or names & {"MemoryError", "OutOfMemoryError"}:
        return "oom", f"{plugin}: out of memory ({first or type(error).__name__})"
    if isinstance(error, StoreError):
        return "interrupted", first
    if _is_fault_of_machine(error):
        return "interrupted", f"{plugin}: {type(error).__name__}: {first}"
    if isinstance(error, (PluginError, UsageError)):
        return "invalid", first
    if isinstance(error, BenchError):
        return "failed", first
    if isinstance(error, SystemExit):
        return "failed", f"{plugin}: ended the process with sys.exit({error.code})"
    name = type(error).__name__
    return "failed", f"{plugin}: {name}: {first}" if first else f"{plugin}: {name}"


def _message(error: BaseException) -> str:
    try:
        return str(error).strip()
    except Exception:  # a third party's exception, whose own text fails
        return ""


def _is_fault_of_machine(error: BaseException) -> bool:
    """Whether an exception, or what it was raised from, says that the machine lacks something."""
    chain = (error, error.__cause__, error.__context__)
    return any(isinstance(one, OSError) and one.errno in MACHINE_ERRORS for one in chain)


def _record_outcome(job: Job, outcome: Outcome) -> None:
    store = Store(Path(job.results))
    if outcome.status == "done":
        store.clear_failure(job.key)
    else:
        code = loaded_code().digests.of_stage(job.spec, load_registry(Path(job.project)))
        store.record_failure(job.key, outcome.status, outcome.reason, outcome.log_tail, code)
