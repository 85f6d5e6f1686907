"""Options of CycleGAN with self-attention, in a module that loads no heavy library."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from bench_cyclegan.options import CycleGANOptions

Place = Literal["before-blocks", "after-blocks"]


class CycleGANAttentionOptions(CycleGANOptions):
    """CycleGAN's, with the same defaults, and where attention stands and how large it is."""

    attention_generator: tuple[Place, ...] = Field(
        ("before-blocks", "after-blocks"),
        description="Where in a generator attention stands: before its residual blocks, after them.",
    )
    attention_discriminator: tuple[int, ...] = Field(
        (-1,),
        description="After which convolutions of a discriminator attention stands: 1 is the first one, -1 the one "
        "before the last.",
    )
    attention_reduction: int = Field(
        8, ge=1, description="Channels of the features per channel of queries, keys and values."
    )
    attention_spectral_norm: bool = Field(
        False, description="Divide the weights of queries, keys, values and output by their largest singular value."
    )
    attention_keys: int = Field(
        4096,
        ge=1,
        description="Most places that are looked at; larger features are looked at through the maxima of 2 x 2 places, "
        "4 x 4 places, and so on.",
        json_schema_extra={"unit": "places"},
    )

    @model_validator(mode="after")
    def _places_are_there(self) -> Self:
        last = self.discriminator_layers + 1
        for place in self.attention_discriminator:
            if not 1 <= abs(place) <= last:
                raise ValueError(
                    f"attention_discriminator: expected convolutions from 1 to {last} (or -1 to -{last}, counted from "
                    f"the end), as discriminator_layers is {self.discriminator_layers}, but {place} is among them"
                )
        return self
