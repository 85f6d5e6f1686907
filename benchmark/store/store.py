"""The results folder: its stages and their failures, and nothing held in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmark.errors import StoreError
from benchmark.store.json_files import read_json, write_json
from benchmark.store.layout import DRIVERS
from benchmark.store.locks import shared
from benchmark.store.stage_folder import StageFolder


@dataclass(frozen=True)
class Failure:
    """The last failed attempt of a stage.

    Attributes:
        status: "failed", "oom", "timeout", "interrupted" or "invalid".
        reason: One line.
        log_tail: The last lines that the stage wrote.
        attempts: How often the stage has failed so far.
        code: Digests of the packages whose code it ran, by name; empty where they are not known.
    """

    status: str
    reason: str
    log_tail: tuple[str, ...] = ()
    attempts: int = 1
    code: Mapping[str, str] = field(default_factory=dict)


class Store:
    """A results folder.

    Attributes:
        results: The folder.
    """

    def __init__(self, results: Path) -> None:
        self.results = results.absolute()

    def stage(self, kind: str, key: str) -> StageFolder:
        """The place of one stage."""
        return StageFolder(self.results / "stages" / kind, key)

    def check_writable(self) -> None:
        """Raise `StoreError` unless results can be written here."""
        try:
            self.results.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.results):
                pass
        except OSError as error:
            raise StoreError.unwritable(self.results, error) from error

    def hold(self, discard: Callable[[], object] | None = None) -> AbstractContextManager[None]:
        """Hold the folder together with all that run stages in it.

        Args:
            discard: What removes stages; it is called first, and alone.

        Raises:
            Busy: Stages are to be removed while another process runs stages here.
        """
        return shared(self.results / DRIVERS, exclusive_first=discard)

    def failure(self, key: str) -> Failure | None:
        """How the stage failed last, if it did and has not succeeded since."""
        stored = read_json(self._failure_path(key))
        try:
            failure = Failure(**stored | {"log_tail": tuple(stored["log_tail"])})
        except (TypeError, KeyError):  # missing, or not of this version: the stage is tried again
            return None
        return failure if _is_well_typed(failure) else None

    def record_failure(
        self,
        key: str,
        status: str,
        reason: str,
        log_tail: Sequence[str] = (),
        code: Mapping[str, str] | None = None,
    ) -> Failure:
        """Note a failed attempt."""
        before = self.failure(key)
        attempts = before.attempts + 1 if before else 1
        failure = Failure(status, reason, tuple(log_tail), attempts, dict(code or {}))
        write_json(self._failure_path(key), asdict(failure), indent=1)
        return failure

    def clear_failure(self, key: str) -> None:
        """Forget the failures of a stage."""
        self._failure_path(key).unlink(missing_ok=True)

    def _failure_path(self, key: str) -> Path:
        return self.results / "failures" / f"{key}.json"


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn an `OSError` on the results folder into the one line a user can act on."""
    try:
        yield
    except OSError as error:
        if error.filename is None:  # no file is concerned: a process or a descriptor was refused
            raise StoreError(f"the system refused what bench needs ({error.strerror or error})") from error
        raise StoreError.unwritable(error.filename, error) from error


def _is_well_typed(failure: Failure) -> bool:
    texts = [failure.status, failure.reason, *failure.log_tail]
    return (
        all(isinstance(text, str) for text in texts)
        and isinstance(failure.attempts, int)
        and isinstance(failure.code, dict)
    )
