"""CycleGAN with self-attention keeps the contract of a translator, and shows where it looks."""

import json

import torch
from PIL import Image

from bench_cyclegan_attention.attention import SelfAttention
from bench_cyclegan_attention.options import CycleGANAttentionOptions
from bench_cyclegan_attention.translator import CycleGANAttention
from benchmark import HasAttentionMaps, HasPixelAttention, Invertible, StageContext
from benchmark.stages.translation_strips import save_strips
from benchmark.testing import TranslatorConformance

TINY = {
    "filters": 4,
    "blocks": 1,
    "discriminator_filters": 4,
    "discriminator_layers": 1,
    "pool": 3,
    "images_seen": 8,
    "checkpoint_every": 3,
    "log_every": 1,
}


class TestCycleGANAttention(TranslatorConformance):
    abilities = (Invertible, HasAttentionMaps, HasPixelAttention)
    bf16_tolerance = 0.15  # where a pixel looks is shown relative to where it looks most

    def make(self, **changes):
        return CycleGANAttention(CycleGANAttentionOptions(**{**TINY, **changes}))


class TestCycleGANAttentionWithPooledKeys(TestCycleGANAttention):
    bf16_tolerance = 0.2  # of eight places, the one that a pixel looks at most may be another one

    def make(self, **changes):
        return super().make(attention_keys=8, attention_spectral_norm=True, **changes)


def test_attention_learns_to_matter(tmp_path):
    translator = TestCycleGANAttention().fit(tmp_path, lr=0.01).plugin
    gammas = [module.gamma for module in translator.generators.modules() if isinstance(module, SelfAttention)]
    assert torch.stack(gammas).abs().min() > 0


def test_a_generator_without_attention_is_translated_with_and_drawn_without_it(tmp_path, caplog):
    fitted = TestCycleGANAttention().fit(tmp_path, attention_generator=())
    save_strips(fitted.plugin, fitted.domains.source, StageContext(tmp_path), "cyclegan-attention")
    picture = Image.open(tmp_path / "pictures" / "translation-0.png")
    assert json.loads(picture.info["columns"]) == ["source", "translated", "cycled"]
    assert "there is no attention to be shown" in caplog.text
