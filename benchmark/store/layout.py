"""Names of the files in a results folder."""

from __future__ import annotations

MANIFEST, LOG, PROGRESS, RESULT, STAGE = "manifest.json", "stage.log", "progress.json", "result.json", "stage.json"
METRICS, GALLERY = "metrics.json", "gallery.npz"
"""What stages that score leave: numbers, and samples of what was predicted."""
DRIVERS = ".drivers.lock"
"""In the results folder: the lock that all who run stages there hold together."""
