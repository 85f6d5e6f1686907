"""The base of every plugin's options: strict, frozen, and documented field by field."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class PluginOptions(BaseModel):
    """Options of a plugin; subclass it and give each field a type, a default and a description.

    Unknown names are refused. Values are checked by pydantic; a unit goes into
    `Field(json_schema_extra={"unit": "images"})` and is shown by `bench plugins info`. An option that
    does not change results (logging, checkpoint intervals) is marked with `{"affects_results": False}`: it may change
    without anything being run again.

    >>> from pydantic import Field
    >>> class BlurOptions(PluginOptions):
    ...     radius: float = Field(1.0, ge=0, description="Width of the kernel.", json_schema_extra={"unit": "pixels"})
    >>> BlurOptions(radius=2).radius
    2.0
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    def further_needs(self) -> tuple[str, ...]:
        """What the plugin needs with these options, beyond what its registration says (`PluginSpec.needs`)."""
        return ()

    @classmethod
    def runtime_option_names(cls) -> tuple[str, ...]:
        """Names of the options that do not change what comes out."""
        extras: dict[str, Any] = {name: field.json_schema_extra for name, field in cls.model_fields.items()}
        return tuple(name for name, extra in extras.items() if extra and extra.get("affects_results") is False)
