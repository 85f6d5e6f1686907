"""Records as the driver writes them, for tests of what reads them."""

from typing import Any

CLASSES = ["road", "sky", "car"]
VALUES = {
    "miou": {"higher_is_better": True, "low": 0, "high": 1, "summary": "mean IoU"},
    "fid": {"higher_is_better": False, "low": 0, "high": None, "summary": "Frechet distance"},
}


def make_record(translator: str, seed: int, miou: float | None = None, **changes: Any) -> dict[str, Any]:
    """One done cell of `streets`; `changes` replace its fields."""
    segmenter = changes.pop("segmenter", "deeplabv3")
    options = changes.pop("options", {})
    scenario = {"name": "streets", "summary": "", "size": [64, 128], "source": {"dataset": "streets", "options": {}}}
    key = changes.pop("config_key", f"{translator}-{segmenter}-{sorted(options.items())}")
    return {
        "schema": 1,
        "cell": f"{key}-{seed}",
        "config_key": key,
        "scenario": "streets",
        "classes": CLASSES,
        "size": [64, 128],
        "checkpoint": "last",
        "translator": translator,
        "segmenter": segmenter,
        "seed": seed,
        "budget": "cpu",
        "status": "done",
        "reason": None,
        "log_tail": [],
        "metrics": {} if miou is None else {"miou": miou},
        "missing": {},
        "details": {},
        "values": VALUES,
        "config": {
            "scenario": scenario,
            "translator": {"name": translator, "options": options},
            "segmenter": {"name": segmenter, "options": {"crop": 64}},
        },
        "stages": {},
        "cost": {"seconds": 90.0},
        "provenance": {"time": "2025-01-01T00:00:00Z"},
    } | changes
