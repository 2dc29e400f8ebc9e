"""BLIP as captioner and matcher against transformers' own code: oracles 2, 8, 9 and 15."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    BlipForConditionalGeneration,
    BlipForImageTextRetrieval,
    BlipImageProcessor,
    BlipImageProcessorPil,
)

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.models.blip.attention import attention_bias
from fiftyone_capviz.models.blip.captioner import BlipCaptioner, load_captioner
from fiftyone_capviz.models.blip.decoder import project_image
from fiftyone_capviz.models.blip.matcher import BlipMatcher
from fiftyone_capviz.models.decoding_plan import plan_decoding
from fiftyone_capviz.models.loading import find_checkpoint
from fiftyone_capviz.models.word_pieces import pad_left, pad_right
from fiftyone_capviz.records import Caption
from fiftyone_capviz.steering.recaption import caption_images
from tests.worlds.blip_checkpoints import (
    CPU,
    GRID,
    LAYERS,
    assert_untouched,
    random_features,
    save_small,
    small_captioner,
    small_matcher,
    snapshot,
)

DEFAULT = "a picture of"
PROMPTS = [DEFAULT, "the man is wearing a red hat", "", "sunglasses"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("blip")
    return {kind: save_small(kind, root / kind) for kind in ("captioner", "matcher")}


@pytest.fixture(scope="module")
def captioner(folders: dict[str, Path]) -> BlipCaptioner:
    return small_captioner(folders["captioner"])


@pytest.fixture(scope="module")
def matcher(folders: dict[str, Path]) -> BlipMatcher:
    return small_matcher(folders["matcher"])


@pytest.fixture(scope="module")
def plain_captioner(folders: dict[str, Path]) -> BlipForConditionalGeneration:
    """transformers' own, with nothing of ours in it."""
    model = BlipForConditionalGeneration.from_pretrained(
        str(folders["captioner"]), dtype=torch.float64
    )
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def plain_matcher(folders: dict[str, Path]) -> BlipForImageTextRetrieval:
    model = BlipForImageTextRetrieval.from_pretrained(str(folders["matcher"]), dtype=torch.float64)
    return model.eval().requires_grad_(False)


def images(count: int = 4) -> list[Image.Image]:
    random = np.random.default_rng(0)
    sizes = [(64, 48), (31, 90), (200, 20), (1, 1)][:count]
    return [Image.fromarray(random.integers(0, 256, (h, w, 3), np.uint8)) for w, h in sizes]


def new_text(captioner: BlipCaptioner, caption: Caption) -> str:
    """What was written after the prompt."""
    prompt = captioner.text.read(captioner.prompt_ids(caption.prompt))
    return caption.full_text[len(prompt) :].strip()


class TestVision:
    def test_pixels_are_the_processors_own(
        self, captioner: BlipCaptioner, folders: dict[str, Path]
    ) -> None:
        own = BlipImageProcessor.from_pretrained(str(folders["captioner"]))
        expected = own(images=images(), return_tensors="pt")["pixel_values"]
        pixels = captioner.preprocess(images())
        assert torch.equal(pixels, expected)
        assert (pixels.dtype, pixels.device.type) == (torch.float32, "cpu")
        slow = BlipImageProcessorPil.from_pretrained(str(folders["captioner"]))
        reference = slow(images=images(), return_tensors="pt")["pixel_values"]
        assert (pixels - reference).abs().mean() < 0.02

    def test_the_grid_shows_the_whole_image(self, captioner: BlipCaptioner) -> None:
        transform = captioner.transform(200, 20)
        assert captioner.grid == (GRID, GRID)
        assert tuple(transform.crop) == pytest.approx((0, 0, 200, 20))
        bright = np.zeros((20, 200, 3), np.uint8)
        bright[:10, :50] = 255
        pixels = captioner.preprocess([Image.fromarray(bright)])[0, 0]
        top_left = pixels[: 32 // 2, : 32 // 4].mean()
        assert top_left > pixels[32 // 2 :].mean() + 1
        assert top_left > pixels[:, 32 // 4 :].mean() + 1

    def test_features_are_transformers_own(
        self, captioner: BlipCaptioner, plain_captioner: BlipForConditionalGeneration
    ) -> None:
        pixels = captioner.preprocess(images())
        expected = plain_captioner.vision_model(pixels.double()).last_hidden_state
        features = captioner.encode(pixels)
        assert (features - expected).abs().max() < 1e-10
        assert not features.requires_grad
        single = torch.cat([captioner.encode(p[None]) for p in pixels])
        assert (features - single).abs().max() < 1e-10

    def test_no_images(self, captioner: BlipCaptioner) -> None:
        features = captioner.encode(captioner.preprocess([]))
        assert features.shape == (0, 1 + GRID**2, captioner.hidden_size)
        assert captioner.generate(features, []) == []
        assert caption_images(captioner, []) == []


class TestGenerate:
    @pytest.mark.parametrize("num_beams", [1, 3])
    def test_equals_the_models_own_generate(
        self,
        captioner: BlipCaptioner,
        plain_captioner: BlipForConditionalGeneration,
        num_beams: int,
    ) -> None:
        """Our path takes prepared features and a filled cache; theirs takes pixels."""
        pixels = captioner.preprocess(images())
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
            features, [DEFAULT, "The man is wearing", ""], max_new_tokens=4
        )
        assert cut.full_text == f"{DEFAULT} {cut.text}".strip()
        assert kept.text == kept.full_text
        assert kept.text.startswith("the man is wearing")
        assert bare.text == bare.full_text
        assert [c.prompt for c in (cut, kept, bare)] == [DEFAULT, "The man is wearing", ""]

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
                features, [DEFAULT] * 2, max_new_tokens=most, min_new_tokens=least
            ):
                assert len(captioner.text.pieces(new_text(captioner, caption))) <= most
        # 40 positions: what does not fit is not asked for.
        long = captioner.generate(features[:1], [DEFAULT], max_new_tokens=500, num_beams=1)
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
        prompts = options.pop("prompts", [DEFAULT] * 2)
        with pytest.raises(InputError, match=rule):
            captioner.generate(features, prompts, **options)

    def test_the_model_is_left_as_it_was(self, captioner: BlipCaptioner) -> None:
        before = snapshot(captioner.model)
        captioner.generate(random_features(captioner, 2), PROMPTS[:2], max_new_tokens=3)
        assert_untouched(captioner.model, before)

    def test_images_to_captions_in_batches(self, captioner: BlipCaptioner) -> None:
        at_once = caption_images(captioner, images(), max_new_tokens=5)
        in_pairs = caption_images(captioner, images(), max_new_tokens=5, batch_size=3)
        assert [c.text for c in at_once] == [c.text for c in in_pairs]
        assert {c.prompt for c in at_once} == {DEFAULT}
        with pytest.raises(InputError, match="batch_size"):
            caption_images(captioner, images(), batch_size=0)


class TestStream:
    def test_ends_with_the_greedy_caption(self, captioner: BlipCaptioner) -> None:
        features = random_features(captioner, 1)
        greedy = captioner.generate(features, [DEFAULT], num_beams=1, max_new_tokens=60)[0]
        texts = list(captioner.stream(features, DEFAULT))
        assert texts[-1] == greedy.text
        assert len(texts) > 2
        for shorter, longer in itertools.pairwise(texts):
            assert longer.startswith(shorter)

    def test_a_consumer_may_stop_at_any_time(self, captioner: BlipCaptioner) -> None:
        before = snapshot(captioner.model)
        stream = captioner.stream(random_features(captioner, 1), DEFAULT)
        next(stream)
        assert_untouched(captioner.model, before)
        assert torch.is_grad_enabled()
        stream.close()


class TestLikelihood:
    def test_equals_the_slow_sum(
        self, captioner: BlipCaptioner, plain_captioner: BlipForConditionalGeneration
    ) -> None:
        features = random_features(captioner, 2)
        texts = ["a red car", "two dogs in snow"]
        got = captioner.log_likelihood(features, texts)
        for i, text in enumerate(texts):
            start = captioner.prompt_ids(DEFAULT)
            ids = [*start, *captioner.text.pieces(text), captioner.text.sep]
            total = 0.0
            for place in range(len(start), len(ids)):
                logits = plain_captioner.text_decoder(
                    torch.tensor([ids[:place]]), encoder_hidden_states=features[i : i + 1]
                ).logits
                total += float(logits[0, -1].log_softmax(-1)[ids[place]])
            assert got[i] == pytest.approx(total / (len(ids) - len(start)), abs=1e-9)

    def test_a_caption_carries_its_own(
        self, captioner: BlipCaptioner, plain_captioner: BlipForConditionalGeneration
    ) -> None:
        features = random_features(captioner, 3)
        captions = captioner.generate(features, [DEFAULT] * 3, max_new_tokens=8)
        start = captioner.prompt_ids(DEFAULT)
        written = captioner.decoder.decode(
            plan_decoding(features, None, grid=captioner.grid),
            [start] * 3,
            projected=captioner.decoder.project(features),
            num_beams=3,
            max_new_tokens=8,
            min_new_tokens=0,
        )
        for i, new in enumerate(written):
            scores = (
                plain_captioner.text_decoder(
                    torch.tensor([start + new]), encoder_hidden_states=features[i : i + 1]
                )
                .logits[0]
                .log_softmax(-1)
            )
            expected = np.mean([float(scores[len(start) - 1 + n, t]) for n, t in enumerate(new)])
            assert captions[i].log_likelihood == pytest.approx(expected, abs=1e-9)

    def test_beams_find_likelier_captions(self, captioner: BlipCaptioner) -> None:
        features = random_features(captioner, 6)
        means = [
            np.mean(
                [
                    c.log_likelihood
                    for c in captioner.generate(
                        features, [DEFAULT] * 6, num_beams=beams, max_new_tokens=6
                    )
                ]
            )
            for beams in (1, 4)
        ]
        assert means[1] >= means[0]

    def test_no_room_is_nan(self, captioner: BlipCaptioner) -> None:
        assert captioner.log_likelihood(random_features(captioner, 1)[:0], []).shape == (0,)
        (empty,) = captioner.log_likelihood(random_features(captioner, 1), [""])
        assert empty < 0  # the end alone


class TestMatcher:
    @pytest.mark.parametrize("use_enc", [True, False])
    def test_equals_transformers_own_forward(
        self, matcher: BlipMatcher, plain_matcher: BlipForImageTextRetrieval, use_enc: bool
    ) -> None:
        pixels = matcher.preprocess(images())
        texts = ["a dog", "a man wearing sunglasses near a red car", "", "snow"]
        inputs = matcher.text.tokenizer(texts, padding=True, return_tensors="pt")
        if use_enc:
            inputs["input_ids"][:, 0] = plain_matcher.config.text_config.vocab_size - 1
        logits = plain_matcher(
            inputs["input_ids"], pixels.double(), attention_mask=inputs["attention_mask"]
        ).itm_score
        scores = matcher.score(matcher.encode(pixels), texts, use_enc=use_enc)
        for score, row in zip(scores, logits, strict=True):
            assert score.logit == pytest.approx(float(row[1]), abs=1e-9)
            assert score.probability == pytest.approx(float(row.softmax(-1)[1]), abs=1e-9)

    def test_batch_equals_single_pairs(self, matcher: BlipMatcher) -> None:
        features = random_features(matcher, 3)
        texts = ["a dog", "a man wearing sunglasses near a red car and a wolf", ""]
        together = matcher.score(features, texts)
        for i, text in enumerate(texts):
            (alone,) = matcher.score(features[i : i + 1], [text])
            assert alone.logit == pytest.approx(together[i].logit, abs=1e-9)

    def test_similarity_is_the_contrastive_head(
        self, matcher: BlipMatcher, plain_matcher: BlipForImageTextRetrieval
    ) -> None:
        pixels = matcher.preprocess(images())
        texts = ["a dog", "a red car"]
        inputs = matcher.text.tokenizer(texts, padding=True, return_tensors="pt")
        expected = plain_matcher(
            inputs["input_ids"],
            pixels.double(),
            use_itm_head=False,
            attention_mask=inputs["attention_mask"],
        ).itm_score
        got = matcher.similarity(matcher.encode(pixels), texts)
        np.testing.assert_allclose(got, expected.numpy(), atol=1e-6)

    def test_texts_longer_than_the_model_are_cut(self, matcher: BlipMatcher) -> None:
        text = "red " * 500
        tokens = matcher.tokens([text])
        assert tokens.ids.shape == (1, matcher.text.limit)
        (score,) = matcher.score(random_features(matcher, 1), [text])
        assert 0 <= score.probability <= 1
        with pytest.raises(InputError, match="one string per image"):
            matcher.score(random_features(matcher, 2), ["a"])

    def test_word_embeddings(self, captioner: BlipCaptioner) -> None:
        table = captioner.model.text_decoder.get_input_embeddings().weight
        got = captioner.word_embeddings(["dog", "sunglasses", ""])
        ids = captioner.text.pieces("sunglasses")
        assert len(ids) == 2
        np.testing.assert_allclose(got[0], table[captioner.text.pieces("dog")[0]], atol=1e-6)
        np.testing.assert_allclose(got[1], table[ids].mean(0), atol=1e-6)
        assert (got[2] == 0).all()


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
        assert captioner.default_prompt == DEFAULT
        edited = self.edit(
            folders["captioner"],
            tmp_path / "edited",
            capviz_attribution_layer=2,
            capviz_default_prompt="the man is",
        )
        assert edited.default_layer == 2
        (caption,) = caption_images(edited, images(1), max_new_tokens=3)
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
            [c.text for c in caption_images(model, images(), max_new_tokens=30)]
            for model in (old, new)
        ]
        assert texts[0] == texts[1]

    @pytest.mark.gpu
    def test_gpu_and_cpu_agree(self, folders: dict[str, Path]) -> None:
        checkpoint = find_checkpoint(str(folders["captioner"]))
        results = []
        for device in ("cpu", "cuda"):
            captioner = load_captioner(checkpoint, device=torch.device(device), dtype=torch.float64)
            results.append(caption_images(captioner, images(), max_new_tokens=8))
        assert [c.text for c in results[0]] == [c.text for c in results[1]]

    @pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
    def test_half_precision(self, folders: dict[str, Path], dtype: str) -> None:
        captioner = small_captioner(folders["captioner"], dtype=dtype)
        matcher = small_matcher(folders["matcher"], dtype=dtype)
        (caption,) = caption_images(captioner, images(1), max_new_tokens=4)
        assert np.isfinite(caption.log_likelihood)
        (match,) = matcher.score(random_features(matcher, 1), [caption.text])
        assert 0 <= match.probability <= 1

    def test_token_ids_are_the_checkpoints_own(self, captioner: BlipCaptioner) -> None:
        vocabulary = captioner.text.tokenizer.get_vocab()
        text = captioner.text
        assert [text.bos, text.enc, text.sep, text.pad] == [
            vocabulary[name] for name in ("[DEC]", "[ENC]", "[SEP]", "[PAD]")
        ]
        assert text.read([text.bos, vocabulary["red"], vocabulary["car"], text.sep]) == "red car"


def test_padding_sides() -> None:
    rows: Sequence[Sequence[int]] = [[1, 2, 3], [4]]
    ids, mask = pad_left(rows, 9)
    assert (ids.tolist(), mask.tolist()) == ([[1, 2, 3], [9, 9, 4]], [[1, 1, 1], [0, 0, 1]])
    ids, mask = pad_right(rows, 9)
    assert (ids.tolist(), mask.tolist()) == ([[1, 2, 3], [4, 9, 9]], [[1, 1, 1], [1, 0, 0]])


def test_canary_transformers_still_drops_the_encoder_attention_mask(matcher: BlipMatcher) -> None:
    """Oracle 15. When this fails transformers was mended: look at `attention_bias` again."""
    features = random_features(matcher, 1)
    tokens = matcher.tokens(["a dog"])
    mask = torch.ones(1, 1 + GRID**2)
    mask[0, 5:] = 0
    encode = matcher.model.text_encoder
    plain = encode(tokens.ids, encoder_hidden_states=features).last_hidden_state
    masked = encode(
        tokens.ids, encoder_hidden_states=features, encoder_attention_mask=mask
    ).last_hidden_state
    assert torch.equal(plain, masked)
    bias = torch.zeros(1, 1, 1, 1 + GRID**2, dtype=torch.float64)
    bias[..., 5:] = torch.finfo(torch.float64).min
    with attention_bias(matcher.cross_attentions, bias):
        biased = encode(tokens.ids, encoder_hidden_states=features).last_hidden_state
    kept = encode(tokens.ids, encoder_hidden_states=features[:, :5]).last_hidden_state
    assert (biased - kept).abs().max() < 1e-9 < 1e-3 < (biased - plain).abs().max()


def test_projected_keys_are_those_of_the_layer(captioner: BlipCaptioner) -> None:
    features = random_features(captioner, 2)
    for attention, (keys, values) in zip(
        captioner.cross_attentions, project_image(captioner.cross_attentions, features), strict=True
    ):
        heads = attention.num_attention_heads
        assert keys.shape == (2, heads, 1 + GRID**2, attention.attention_head_size)
        flat = keys.transpose(1, 2).flatten(2)
        assert torch.equal(flat, attention.key(features))
        assert torch.equal(values.transpose(1, 2).flatten(2), attention.value(features))
