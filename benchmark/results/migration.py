"""Turns records of schema 1 into schema 2, so that folders published long ago still give the same boards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Record = Mapping[str, Any]

RENAMED_VALUES = {"read_miou": "fcn_score_miou", "read_class_accuracy": "fcn_score_class_accuracy"}
TRANSLATION, SEGMENTATION = "translation", "segmentation"
VALUES: Mapping[str, tuple[str, str, int | None, str]] = {
    "miou": ("mIoU", "%", None, SEGMENTATION),
    "pixel_accuracy": ("pixel acc", "%", None, SEGMENTATION),
    "mean_pixel_accuracy": ("mean acc", "%", None, SEGMENTATION),
    "fwiou": ("FWIoU", "%", None, SEGMENTATION),
    "flip_rate": ("flips", "%", None, TRANSLATION),
    "fcn_score_miou": ("FCN-score mIoU", "%", None, TRANSLATION),
    "flip_rate_introduced": ("", "%", None, TRANSLATION),
    "flip_rate_source": ("", "%", None, TRANSLATION),
    "fcn_score_class_accuracy": ("", "%", None, TRANSLATION),
    "label_pixel_accuracy": ("label pixel acc", "%", None, TRANSLATION),
    "label_class_accuracy": ("label mean acc", "%", None, TRANSLATION),
    "label_iou": ("label mIoU", "%", None, TRANSLATION),
    "fid": ("FID", "", 1, TRANSLATION),
    "kid": ("KID", "", 4, TRANSLATION),
    "ssim": ("SSIM", "", 3, TRANSLATION),
    "cycle_error": ("cycle error", "%", None, TRANSLATION),
    "diversity": ("diversity", "%", None, TRANSLATION),
}
"""Heading, unit, decimals and subject of the values of schema 1, in the order in which its boards had them."""


def schema_2_from_1(record: Record) -> dict[str, Any]:
    """A record of schema 1 in the form of schema 2; what schema 1 did not know is None.

    Args:
        record: Valid by `schema.CellOfSchema1`.

    Returns:
        A new record; parts without a change are shared with the old one.
    """
    stages = {role: {"provenance": None, **stage} for role, stage in record["stages"].items()}
    details = {plugin: _details(_with_new_names(table)) for plugin, table in record["details"].items()}
    return {
        **record,
        "schema": 2,
        "budget": {"name": record["budget"], "digest": None},
        "data": None,
        "images_seen": images_seen(stages, record["config"]),
        "metrics": _with_new_names(record["metrics"]),
        "missing": _with_new_names(record["missing"]),
        "values": _values(_with_new_names(record["values"])),
        "details": details,
        "config": _config(record["config"]),
        "stages": stages,
    }


def images_seen(stages: Mapping[str, Record], config: Record) -> dict[str, int | None]:
    """How many images the trainings of a cell saw, as they reported, or else as their option `images_seen` says.

    Args:
        stages: Of the record, by role.
        config: Of the record.
    """
    seen: dict[str, int | None] = {}
    for plugin in ("translator", "segmenter"):
        stage = stages.get(f"fit-{plugin}")
        if stage is None:
            seen[plugin] = None
            continue
        reported = stage.get("facts", {}).get("images_seen")
        seen[plugin] = config[plugin].get("options", {}).get("images_seen") if reported is None else reported
    return seen


def _with_new_names(table: Record) -> dict[str, Any]:
    return {RENAMED_VALUES.get(name, name): value for name, value in table.items()}


def _values(values: Record) -> dict[str, Any]:
    """The values with the headings and units that schema 1 had in code, in the order of its columns."""
    known = [name for name in VALUES if name in values]
    others = sorted(name for name in values if name not in VALUES)
    filled: dict[str, Any] = {}
    for name in (*known, *others):
        value = values[name]
        # boards of schema 1 printed every value in [0, 1] as a percentage, those of third parties too
        is_share = (value.get("low"), value.get("high")) == (0, 1)
        default = ("", "%" if is_share else "", None, "")
        heading, unit, decimals, measures = VALUES.get(name, default)
        filled[name] = {"heading": heading, "unit": unit, "decimals": decimals, "measures": measures, **value}
    return filled


def _details(table: Record) -> dict[str, Any]:
    conditions = table.get("conditions", {})
    if "reader" not in conditions:
        return dict(table)
    renamed = {"auxiliary_segmenter" if name == "reader" else name: value for name, value in conditions.items()}
    return {**table, "conditions": renamed}


def _config(config: Record) -> dict[str, Any]:
    migrated: dict[str, Any] = {}
    for name, part in config.items():
        if name == "metrics":
            migrated[name] = [_plugin(metric) for metric in part]
        elif name in ("translator", "segmenter"):
            migrated[name] = _plugin(part)
        elif name in ("reader", "auxiliary_segmenter"):
            migrated["auxiliary_segmenter"] = _plugin(part)
        else:
            migrated[name] = part
    migrated["scenario"] = {"score_translations": "train", **config["scenario"]}
    return migrated


def _plugin(plugin: Any) -> Any:
    """A configured plugin: `label` became `alias`; names of runtime options are no part of a record."""
    if not isinstance(plugin, Mapping):
        return plugin
    dropped = ("aside", "runtime_options")
    return {"alias" if name == "label" else name: value for name, value in plugin.items() if name not in dropped}
