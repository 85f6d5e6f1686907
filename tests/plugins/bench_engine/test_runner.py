"""Batches drawn ahead, and checkpoint files that appear whole or not at all."""

from pathlib import Path

import pytest

from bench_engine.runner import AtomicBackend, prefetch


def test_batches_drawn_ahead_keep_their_order():
    assert list(prefetch(lambda step: {"step": step}, range(3, 8))) == [{"step": step} for step in range(3, 8)]


def test_the_next_batch_is_drawn_while_one_is_used_and_no_further():
    asked = []
    batches = prefetch(lambda step: asked.append(step) or {}, range(5))
    next(batches)
    batches.close()
    assert asked == [0, 1]


def test_an_error_in_a_batch_reaches_the_loop():
    def broken(step):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        next(prefetch(broken, range(5)))


def test_a_kill_while_writing_a_checkpoint_leaves_the_previous_one(tmp_path, monkeypatch):
    path = tmp_path / "training.pth"
    backend = AtomicBackend()
    backend.put(b"whole", path)

    def torn(self, obj, filepath):
        Path(filepath).write_bytes(obj[:2])
        raise KeyboardInterrupt

    monkeypatch.setattr("mmengine.fileio.backends.LocalBackend.put", torn)
    with pytest.raises(KeyboardInterrupt):
        backend.put(b"new one", path)
    assert path.read_bytes() == b"whole"
