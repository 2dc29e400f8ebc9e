"""BLIP as captioner against transformers' own code: oracle 2, prompts, streams, configuration."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import BlipForConditionalGeneration

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.models.blip.captioner import BlipCaptioner, load_captioner
from fiftyone_capviz.models.loading import find_checkpoint
from fiftyone_capviz.records import Caption
from fiftyone_capviz.steering.recaption import caption_images
from tests.worlds.blip_checkpoints import (
    CPU,
    DEFAULT_PROMPT,
    GRID,
    LAYERS,
    assert_untouched,
    odd_images,
    random_features,
    small_captioner,
    small_matcher,
    snapshot,
)

PROMPTS = [DEFAULT_PROMPT, "the man is wearing a red hat", "", "sunglasses"]


def new_text(captioner: BlipCaptioner, caption: Caption) -> str:
    """What was written after the prompt."""
    prompt = captioner.text.read(captioner.prompt_ids(caption.prompt))
    return caption.full_text[len(prompt) :].strip()


class TestGenerate:
    @pytest.mark.parametrize("num_beams", [1, 3])
    def test_equals_the_models_own_generate(
        self,
        captioner: BlipCaptioner,
        plain_captioner: BlipForConditionalGeneration,
        num_beams: int,
    ) -> None:
        """Our path takes prepared features and a filled cache; theirs takes pixels."""
        pixels = captioner.preprocess(odd_images())
        for prompt in PROMPTS:
            inputs = captioner.text.tokenizer([prompt] * 4, return_tensors="pt")
            ids = plain_captioner.generate(
                pixels.double(),
                inputs["input_ids"],
                inputs["attention_mask"],
                num_beams=num_beams,
                max_new_tokens=8,
            )
            captions = captioner.generate(
                captioner.encode(pixels), [prompt] * 4, num_beams=num_beams, max_new_tokens=8
            )
            expected = [captioner.text.read(row) for row in ids.tolist()]
            assert [c.full_text for c in captions] == expected
        assert len(set(expected)) > 1

    @pytest.mark.parametrize("num_beams", [1, 3])
    def test_prompts_of_mixed_length_equal_single_runs(
        self, captioner: BlipCaptioner, num_beams: int
    ) -> None:
        features = random_features(captioner, 4)
        together = captioner.generate(features, PROMPTS, num_beams=num_beams, max_new_tokens=8)
        for i, prompt in enumerate(PROMPTS):
            (alone,) = captioner.generate(
                features[i : i + 1], [prompt], num_beams=num_beams, max_new_tokens=8
            )
            assert alone.full_text == together[i].full_text
            assert alone.log_likelihood == pytest.approx(together[i].log_likelihood, abs=1e-9)

    def test_only_the_default_prompt_is_cut(self, captioner: BlipCaptioner) -> None:
        features = random_features(captioner, 3)
        cut, kept, bare = captioner.generate(
            features, [DEFAULT_PROMPT, "The man is wearing", ""], max_new_tokens=4
        )
        assert cut.full_text == f"{DEFAULT_PROMPT} {cut.text}".strip()
        assert kept.text == kept.full_text
        assert kept.text.startswith("the man is wearing")
        assert bare.text == bare.full_text
        assert [c.prompt for c in (cut, kept, bare)] == [DEFAULT_PROMPT, "The man is wearing", ""]

    def test_words_that_the_tokenizer_cannot_spell_stay_in_the_prompt(
        self, captioner: BlipCaptioner
    ) -> None:
        (caption,) = captioner.generate(
            random_features(captioner, 1), ["the Zebra  is"], max_new_tokens=4
        )
        assert caption.text.startswith("the Zebra is")

    def test_lengths(self, captioner: BlipCaptioner) -> None:
        features = random_features(captioner, 2)
        for least, most in ((0, 1), (6, 6), (3, 30)):
            for caption in captioner.generate(
                features, [DEFAULT_PROMPT] * 2, max_new_tokens=most, min_new_tokens=least
            ):
                assert len(captioner.text.pieces(new_text(captioner, caption))) <= most
        # 40 positions: what does not fit is not asked for.
        long = captioner.generate(features[:1], [DEFAULT_PROMPT], max_new_tokens=500, num_beams=1)
        assert len(captioner.text.pieces(long[0].full_text)) < captioner.text.limit

    @pytest.mark.parametrize(
        ("options", "rule"),
        [
            ({"num_beams": 0}, "num_beams"),
            ({"max_new_tokens": 0}, "max_new_tokens"),
            ({"min_new_tokens": 30}, "min_new_tokens"),
            ({"prompts": ["a"]}, "one string per image"),
            ({"prompts": "ab"}, "one string per image"),
            ({"prompts": ["a", "red " * 60]}, "Shorten it"),
        ],
    )
    def test_bad_choices_are_named(
        self, captioner: BlipCaptioner, options: dict[str, Any], rule: str
    ) -> None:
        features = random_features(captioner, 2)
        prompts = options.pop("prompts", [DEFAULT_PROMPT] * 2)
        with pytest.raises(InputError, match=rule):
            captioner.generate(features, prompts, **options)

    def test_the_model_is_left_as_it_was(self, captioner: BlipCaptioner) -> None:
        before = snapshot(captioner.model)
        captioner.generate(random_features(captioner, 2), PROMPTS[:2], max_new_tokens=3)
        assert_untouched(captioner.model, before)

    def test_images_to_captions_in_batches(self, captioner: BlipCaptioner) -> None:
        at_once = caption_images(captioner, odd_images(), max_new_tokens=5)
        in_pairs = caption_images(captioner, odd_images(), max_new_tokens=5, batch_size=3)
        assert [c.text for c in at_once] == [c.text for c in in_pairs]
        assert {c.prompt for c in at_once} == {DEFAULT_PROMPT}
        with pytest.raises(InputError, match="batch_size"):
            caption_images(captioner, odd_images(), batch_size=0)

    def test_no_images(self, captioner: BlipCaptioner) -> None:
        features = captioner.encode(captioner.preprocess([]))
        assert features.shape == (0, 1 + GRID**2, captioner.hidden_size)
        assert captioner.generate(features, []) == []
        assert caption_images(captioner, []) == []

    def test_word_embeddings(self, captioner: BlipCaptioner) -> None:
        table = captioner.model.text_decoder.get_input_embeddings().weight
        got = captioner.word_embeddings(["dog", "sunglasses", ""])
        ids = captioner.text.pieces("sunglasses")
        assert len(ids) == 2
        np.testing.assert_allclose(got[0], table[captioner.text.pieces("dog")[0]], atol=1e-6)
        np.testing.assert_allclose(got[1], table[ids].mean(0), atol=1e-6)
        assert (got[2] == 0).all()


class TestStream:
    def test_ends_with_the_greedy_caption(self, captioner: BlipCaptioner) -> None:
        features = random_features(captioner, 1)
        greedy = captioner.generate(features, [DEFAULT_PROMPT], num_beams=1, max_new_tokens=60)[0]
        texts = list(captioner.stream(features, DEFAULT_PROMPT))
        assert texts[-1] == greedy.text
        assert len(texts) > 2
        for shorter, longer in itertools.pairwise(texts):
            assert longer.startswith(shorter)

    def test_a_consumer_may_stop_at_any_time(self, captioner: BlipCaptioner) -> None:
        before = snapshot(captioner.model)
        stream = captioner.stream(random_features(captioner, 1), DEFAULT_PROMPT)
        next(stream)
        assert_untouched(captioner.model, before)
        assert torch.is_grad_enabled()
        stream.close()


class TestConfiguration:
    def edit(self, folder: Path, copy: Path, **changes: object) -> BlipCaptioner:
        copy.mkdir()
        for path in folder.iterdir():
            (copy / path.name).write_bytes(path.read_bytes())
        config = json.loads((copy / "config.json").read_text()) | changes
        (copy / "config.json").write_text(json.dumps(config))
        return load_captioner(find_checkpoint(str(copy)), device=CPU, dtype=torch.float32)

    def test_defaults_come_from_the_checkpoint(
        self, folders: dict[str, Path], tmp_path: Path, captioner: BlipCaptioner
    ) -> None:
        assert captioner.default_layer == LAYERS // 2
        assert captioner.default_prompt == DEFAULT_PROMPT
        edited = self.edit(
            folders["captioner"],
            tmp_path / "edited",
            capviz_attribution_layer=2,
            capviz_default_prompt="the man is",
        )
        assert edited.default_layer == 2
        (caption,) = caption_images(edited, odd_images(1), max_new_tokens=3)
        assert caption.prompt == "the man is"
        assert not caption.text.startswith("the man is")

    def test_the_configuration_of_published_checkpoints(
        self, folders: dict[str, Path], tmp_path: Path
    ) -> None:
        """Those of 2022 hold settings of generation, and an end token that BLIP does not use."""
        config = json.loads((folders["captioner"] / "config.json").read_text())
        config["text_config"] |= {
            "eos_token_id": 2,
            "early_stopping": False,
            "max_length": 20,
            "num_beams": 1,
            "top_k": 50,
            "transformers_version": "4.26.0.dev0",
            "_name_or_path": "",
        }
        old = self.edit(folders["captioner"], tmp_path / "old", **config)
        new = small_captioner(folders["captioner"], dtype="float32")
        texts = [
            [c.text for c in caption_images(model, odd_images(), max_new_tokens=30)]
            for model in (old, new)
        ]
        assert texts[0] == texts[1]

    @pytest.mark.gpu
    def test_gpu_and_cpu_agree(self, folders: dict[str, Path]) -> None:
        checkpoint = find_checkpoint(str(folders["captioner"]))
        results = []
        for device in ("cpu", "cuda"):
            captioner = load_captioner(checkpoint, device=torch.device(device), dtype=torch.float64)
            results.append(caption_images(captioner, odd_images(), max_new_tokens=8))
        assert [c.text for c in results[0]] == [c.text for c in results[1]]

    @pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
    def test_half_precision(self, folders: dict[str, Path], dtype: str) -> None:
        captioner = small_captioner(folders["captioner"], dtype=dtype)
        matcher = small_matcher(folders["matcher"], dtype=dtype)
        (caption,) = caption_images(captioner, odd_images(1), max_new_tokens=4)
        assert np.isfinite(caption.log_likelihood)
        (match,) = matcher.score(random_features(matcher, 1), [caption.text])
        assert 0 <= match.probability <= 1
