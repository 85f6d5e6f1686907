"""Names of the files in a results folder."""

from __future__ import annotations

MANIFEST, LOG, PROGRESS, RESULT, STAGE = "manifest.json", "stage.log", "progress.json", "result.json", "stage.json"
METRICS = "metrics.json"
"""What a score stage leaves: the values of its metric."""
PREDICTIONS = "predictions.npz"
"""What a predict stage leaves: label maps."""
