"""Oracles 1-4 and 6 of METHODS section 7, word alignment, and that models stay as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from fiftyone_capviz.attribution.words.alignment import word_rows
from fiftyone_capviz.attribution.words.cross_attention import (
    read_captioner_attention,
    read_matcher_attention,
)
from fiftyone_capviz.attribution.words.gradcam import read_itm_gradients, read_lm_gradients
from fiftyone_capviz.attribution.words.methods import (
    CLAMPS,
    all_method_maps,
    captioner_word_maps,
    matcher_word_maps,
    relevance_of,
)
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.models.blip.captioner import BlipCaptioner
from fiftyone_capviz.models.blip.matcher import BlipMatcher
from fiftyone_capviz.models.patching import replaced
from fiftyone_capviz.records import CaptionWords
from fiftyone_capviz.settings.words import WordMethod
from fiftyone_capviz.text.words import caption_words
from tests.worlds.blip_checkpoints import (
    GRID,
    HEADS,
    LAYERS,
    assert_untouched,
    random_features,
    small_captioner,
    small_matcher,
    snapshot,
)

TEXTS = [
    "a man wearing sunglasses near a red car",
    "a dog",
    "two wolves in snow and a man with a red hat and a man",
]
WORDS = [caption_words(text) for text in TEXTS]


@pytest.fixture(scope="module")
def matcher(tmp_path_factory: pytest.TempPathFactory) -> BlipMatcher:
    return small_matcher(tmp_path_factory.mktemp("matcher"))


@pytest.fixture(scope="module")
def captioner(tmp_path_factory: pytest.TempPathFactory) -> BlipCaptioner:
    return small_captioner(tmp_path_factory.mktemp("captioner"))


def reference_itm(
    matcher: BlipMatcher, features: torch.Tensor, texts: list[str], *, margin: bool = False
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """The slow way: transformers' own output_attentions, and a graph through the whole model."""
    tokens = matcher.tokens(texts)
    out = matcher.model.text_encoder(
        tokens.ids,
        attention_mask=tokens.mask,
        encoder_hidden_states=features.clone().requires_grad_(True),
        output_attentions=True,
    )
    logits = matcher.model.itm_head(out.last_hidden_state[:, 0])
    target = logits[:, 1].sum() - (logits[:, 0].sum() if margin else 0)
    return list(out.cross_attentions), list(torch.autograd.grad(target, out.cross_attentions))


class TestMatcher:
    @pytest.mark.parametrize("target", ["logit", "margin"])
    def test_tap_equals_the_gradient_through_output_attentions(
        self, matcher: BlipMatcher, target: str
    ) -> None:
        features = random_features(matcher, 3)
        attention, gradient = reference_itm(matcher, features, TEXTS, margin=target == "margin")
        mask = matcher.tokens(TEXTS).mask[:, None, :, None]
        for layer in range(LAYERS):
            got = read_itm_gradients(matcher, features, texts=TEXTS, layers=[layer], target=target)
            assert got.gradient is not None
            assert torch.equal(got.attention[0], attention[layer][..., 1:])
            assert torch.equal(got.gradient[0], gradient[layer][..., 1:] * mask)
        together = read_itm_gradients(
            matcher, features, texts=TEXTS, layers=range(LAYERS), target=target
        )
        assert together.gradient is not None
        for layer in range(LAYERS):
            error = together.gradient[layer] - gradient[layer][..., 1:] * mask
            assert error.abs().max() < 1e-12

    def test_gradient_equals_finite_differences_of_the_attention(
        self, matcher: BlipMatcher
    ) -> None:
        features, layer, step = random_features(matcher, 1), 1, 1e-5
        text = [TEXTS[0]]
        got = read_itm_gradients(matcher, features, texts=text, layers=[layer])
        assert got.gradient is not None
        tokens = matcher.tokens(text)

        class Nudge(torch.nn.Module):
            place: tuple[int, ...] = ()
            amount = 0.0

            def forward(self, attention: torch.Tensor) -> torch.Tensor:
                attention = attention.clone()
                attention[self.place] += self.amount
                return attention

        nudge = Nudge()
        with replaced([matcher.cross_attentions[layer]], "dropout", [nudge]), torch.no_grad():
            for head, token, patch in [(0, 0, 0), (1, 3, 7), (0, 5, 15), (1, 8, 2)]:
                nudge.place = (0, head, token, patch + 1)
                values = []
                for nudge.amount in (step, -step):
                    values.append(matcher.match_logits(features, tokens)[0, 1])
                numeric = (values[0] - values[1]) / (2 * step)
                assert abs(got.gradient[0, 0, head, token, patch] - numeric) < 1e-6

    @pytest.mark.parametrize("method", ["gradcam", "cross_attention"])
    def test_batch_equals_single_images(self, matcher: BlipMatcher, method: str) -> None:
        features = random_features(matcher, 3)
        together, scores = matcher_word_maps(
            matcher, features, captions=TEXTS, words=WORDS, how=WordMethod(method=method)
        )
        for i in range(3):
            (alone,), (score,) = matcher_word_maps(
                matcher,
                features[i : i + 1],
                captions=TEXTS[i : i + 1],
                words=WORDS[i : i + 1],
                how=WordMethod(method=method),
            )
            assert alone.words == together[i].words == WORDS[i].words
            np.testing.assert_allclose(alone.maps, together[i].maps, atol=1e-6)
            assert abs(score.logit - scores[i].logit) < 1e-6
        plain = matcher.score(features, TEXTS)
        assert [s.probability for s in plain] == pytest.approx([s.probability for s in scores])
        assert max(np.abs(m.maps).max() for m in together) > 1e-3

    def test_rows_of_padding_are_zero(self, matcher: BlipMatcher) -> None:
        got = read_itm_gradients(
            matcher, random_features(matcher, 3), texts=TEXTS, layers=range(LAYERS)
        )
        relevance = relevance_of(got).sum((0, 2))
        assert (got.mask == 0).any()
        assert (relevance[got.mask == 0] == 0).all()
        assert (relevance[got.mask == 1].abs().sum(-1) > 0).all()

    def test_last_layer_moves_only_the_first_row(self, matcher: BlipMatcher) -> None:
        got = read_itm_gradients(
            matcher, random_features(matcher, 1), texts=TEXTS[:1], layers=[LAYERS - 1]
        )
        assert got.gradient is not None
        assert (got.gradient[0, 0, :, 1:] == 0).all()
        assert (got.gradient[0, 0, :, 0] != 0).any()

    def test_clamps(self, matcher: BlipMatcher) -> None:
        reading = read_itm_gradients(
            matcher, random_features(matcher, 2), texts=TEXTS[:2], layers=[1]
        )
        assert reading.gradient is not None
        signed = reading.attention * reading.gradient
        assert (signed < 0).any()
        assert torch.equal(relevance_of(reading, clamp="none"), signed)
        expected = reading.attention * reading.gradient.clamp(0)
        assert torch.equal(relevance_of(reading, clamp="grad"), expected)
        assert torch.equal(relevance_of(reading, clamp="product"), signed.clamp(0))

    def test_heads_average_to_the_default(self, matcher: BlipMatcher) -> None:
        features = random_features(matcher, 3)
        mean, _ = matcher_word_maps(matcher, features, captions=TEXTS, words=WORDS)
        heads = [
            matcher_word_maps(
                matcher, features, captions=TEXTS, words=WORDS, how=WordMethod(head=h)
            )[0]
            for h in range(HEADS)
        ]
        for i in range(3):
            np.testing.assert_allclose(
                np.mean([h[i].maps for h in heads], axis=0), mean[i].maps, atol=1e-7
            )

    def test_first_token_is_a_choice(self, matcher: BlipMatcher) -> None:
        features = random_features(matcher, 1)
        tokens = [matcher.tokens(["a dog"], use_enc=use).ids[0, 0] for use in (True, False)]
        assert tokens[0] == matcher.model.config.text_config.vocab_size - 1
        assert tokens[1] == matcher.text.tokenizer.cls_token_id
        a, b = (matcher.score(features, ["a dog"], use_enc=use)[0] for use in (True, False))
        assert a.logit != b.logit
        _, (same,) = matcher_word_maps(
            matcher, features, captions=["a dog"], words=[WORDS[1]], how=WordMethod(use_enc=False)
        )
        assert same.logit == pytest.approx(b.logit)


class TestCaptioner:
    def test_one_backward_pass_equals_one_per_word(self, captioner: BlipCaptioner) -> None:
        features = random_features(captioner, 2)
        texts = [f"a picture of {text}" for text in (TEXTS[0], TEXTS[2])]
        got = read_lm_gradients(captioner, features, texts=texts, layers=range(LAYERS))
        assert got.gradient is not None
        tokens = captioner.text.batch(texts, first=captioner.text.bos)
        out = captioner.model.text_decoder(
            tokens.ids,
            attention_mask=tokens.mask,
            encoder_hidden_states=features.clone().requires_grad_(True),
            output_attentions=True,
            use_cache=False,
        )
        scores = out.logits.log_softmax(-1)
        for image in range(2):
            for token in range(1, int(tokens.mask[image].sum())):
                log_p = scores[image, token - 1, tokens.ids[image, token]]
                slow = torch.autograd.grad(log_p, out.cross_attentions, retain_graph=True)
                for layer in range(LAYERS):
                    expected = slow[layer][image, :, token - 1, 1:]
                    error = got.gradient[layer, image, :, token] - expected
                    assert error.abs().max() < 1e-6
                    same = out.cross_attentions[layer][image, :, token - 1, 1:]
                    assert (got.attention[layer, image, :, token] - same).abs().max() < 1e-12
        # The sum of all log-probabilities alone would be wrong in all layers but the last.
        total = sum(
            scores[i, t - 1, tokens.ids[i, t]]
            for i in range(2)
            for t in range(1, int(tokens.mask[i].sum()))
        )
        naive = torch.autograd.grad(total, out.cross_attentions)
        gaps = [
            float((naive[layer][0, :, 2, 1:] - got.gradient[layer, 0, :, 3]).abs().max())
            for layer in range(LAYERS)
        ]
        assert gaps[-1] < 1e-9 < 1e-4 < gaps[0]

    def test_a_single_layer_equals_all_at_once(self, captioner: BlipCaptioner) -> None:
        features = random_features(captioner, 3)
        layers = all_method_maps(captioner, features, captions=TEXTS, words=WORDS)["gradcam"]
        for layer in range(LAYERS):
            single = captioner_word_maps(
                captioner, features, captions=TEXTS, words=WORDS, how=WordMethod("lm", layer=layer)
            )
            for i in range(3):
                np.testing.assert_allclose(layers[i][layer, 0], single[i].maps, atol=1e-7)

    @pytest.mark.parametrize("method", ["gradcam", "cross_attention"])
    def test_batch_equals_single_images(self, captioner: BlipCaptioner, method: str) -> None:
        features = random_features(captioner, 3)
        together = captioner_word_maps(
            captioner, features, captions=TEXTS, words=WORDS, how=WordMethod("lm", method=method)
        )
        for i in range(3):
            (alone,) = captioner_word_maps(
                captioner,
                features[i : i + 1],
                captions=TEXTS[i : i + 1],
                words=WORDS[i : i + 1],
                how=WordMethod("lm", method=method),
            )
            np.testing.assert_allclose(alone.maps, together[i].maps, atol=1e-6)
        assert max(np.abs(m.maps).max() for m in together) > 1e-3

    def test_attention_belongs_to_the_row_that_predicts(self, captioner: BlipCaptioner) -> None:
        features = random_features(captioner, 1)
        reading = read_captioner_attention(
            captioner, features, texts=["a dog"], layers=range(LAYERS)
        )
        ids = captioner.text.batch(["a dog"], first=captioner.text.bos).ids
        out = captioner.model.text_decoder(
            ids, encoder_hidden_states=features, output_attentions=True, use_cache=False
        )
        for layer in range(LAYERS):
            expected = out.cross_attentions[layer][..., 1:]
            assert torch.equal(reading.attention[layer][:, :, 1:], expected[:, :, :-1])
        assert (reading.attention[:, :, :, 0] == 0).all()

    def test_a_prompt_moves_the_words_not_their_maps(self, captioner: BlipCaptioner) -> None:
        features = random_features(captioner, 1)
        text = "a red car"
        (cut,) = captioner_word_maps(
            captioner, features, captions=[text], words=[caption_words(text)]
        )
        whole = f"a picture of {text}"
        words = caption_words(whole)
        (full,) = captioner_word_maps(
            captioner, features, captions=[whole], words=[words], prompts=[""]
        )
        chosen = [words.words.index(w) for w in cut.words]
        np.testing.assert_allclose(cut.maps, full.maps[chosen], atol=1e-9)


class TestBothSides:
    def test_all_layers_and_heads(self, matcher: BlipMatcher, captioner: BlipCaptioner) -> None:
        for model in (matcher, captioner):
            features = random_features(model, 3)
            for method in ("gradcam", "cross_attention"):
                per_head = all_method_maps(
                    model, features, captions=TEXTS, words=WORDS, methods=(method,), per_head=True
                )[method]
                mean = all_method_maps(
                    model, features, captions=TEXTS, words=WORDS, methods=(method,)
                )[method]
                for a, b, w in zip(per_head, mean, WORDS, strict=True):
                    assert a.shape == (LAYERS, HEADS, len(w.words), GRID, GRID)
                    np.testing.assert_allclose(a.mean(1, keepdims=True), b, atol=1e-6)

    def test_nothing_and_wordless_captions(
        self, matcher: BlipMatcher, captioner: BlipCaptioner
    ) -> None:
        assert matcher_word_maps(
            matcher, random_features(matcher, 1)[:0], captions=[], words=[]
        ) == ([], [])
        assert (
            captioner_word_maps(captioner, random_features(captioner, 1)[:0], captions=[], words=[])
            == []
        )
        for text in ("", "of the"):
            words = caption_words(text)
            (maps,), (match,) = matcher_word_maps(
                matcher, random_features(matcher, 1), captions=[text], words=[words]
            )
            assert maps.maps.shape == (0, GRID, GRID)
            assert 0 < match.probability < 1
            (maps,) = captioner_word_maps(
                captioner, random_features(captioner, 1), captions=[text], words=[words]
            )
            assert maps.maps.shape == (0, GRID, GRID)

    def test_bad_choices_are_named(self, matcher: BlipMatcher) -> None:
        features = random_features(matcher, 3)
        for wrong in (
            {"layer": LAYERS},
            {"head": HEADS},
            {"clamp": "relu"},
            {"method": "magic"},
            {"target": "probability"},
        ):
            with pytest.raises(InputError, match=str(next(iter(wrong)))):
                matcher_word_maps(
                    matcher, features, captions=TEXTS, words=WORDS, how=WordMethod(**wrong)
                )
        with pytest.raises(InputError, match="one entry per image"):
            matcher_word_maps(matcher, features[:2], captions=TEXTS, words=WORDS)
        assert CLAMPS[0] == "none"

    def test_models_are_left_as_they_were(
        self, matcher: BlipMatcher, captioner: BlipCaptioner
    ) -> None:
        models = [matcher.model, captioner.model]
        before = [snapshot(model) for model in models]
        f, g = random_features(matcher, 3), random_features(captioner, 3)
        all_method_maps(matcher, f, captions=TEXTS, words=WORDS)
        matcher_word_maps(
            matcher, f, captions=TEXTS, words=WORDS, how=WordMethod(method="cross_attention")
        )
        all_method_maps(captioner, g, captions=TEXTS, words=WORDS)
        captioner_word_maps(
            captioner,
            g,
            captions=TEXTS,
            words=WORDS,
            how=WordMethod("lm", method="cross_attention"),
        )
        for model, old in zip(models, before, strict=True):
            assert_untouched(model, old)

    def test_models_are_left_as_they_were_after_an_error(
        self, matcher: BlipMatcher, captioner: BlipCaptioner
    ) -> None:
        models = [matcher.model, captioner.model]
        before = [snapshot(model) for model in models]
        wrong = torch.zeros(3, 5, 7, dtype=torch.float64)  # another hidden size
        for read_matcher in (read_itm_gradients, read_matcher_attention):
            with pytest.raises(RuntimeError):
                read_matcher(matcher, wrong, texts=TEXTS, layers=[0, 1])
        for read_captioner in (read_lm_gradients, read_captioner_attention):
            with pytest.raises(RuntimeError):
                read_captioner(captioner, wrong, texts=TEXTS, layers=[0, 1])
        for model, old in zip(models, before, strict=True):
            assert_untouched(model, old)

    def test_backward_that_fails_leaves_no_tap(
        self, matcher: BlipMatcher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = snapshot(matcher.model)

        def fail(*_: object) -> None:
            raise MemoryError("no room for the gradient")

        monkeypatch.setattr(torch.autograd, "grad", fail)
        with pytest.raises(MemoryError):
            read_itm_gradients(matcher, random_features(matcher, 3), texts=TEXTS, layers=[0])
        assert_untouched(matcher.model, before)


class TestAlignment:
    def test_pieces_are_summed_and_repeats_averaged(self) -> None:
        # "a sunglasses man man": [CLS] a sun ##glasses man man [SEP]
        words = CaptionWords(
            ("sunglasses", "man"), ("noun",) * 2, (((2, 12),), ((13, 16), (17, 20)))
        )
        offsets = ((0, 0), (0, 1), (2, 5), (5, 12), (13, 16), (17, 20), (0, 0))
        expected = [[0, 0, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0.5, 0.5, 0]]
        np.testing.assert_array_equal(word_rows(words, offsets), expected)

    def test_words_beyond_a_cut_caption_are_zero(self, matcher: BlipMatcher) -> None:
        text = " ".join(["red car"] * 30) + " dog"
        words = caption_words(text)
        assert words.words[-1] == "dog"
        (maps,), _ = matcher_word_maps(
            matcher, random_features(matcher, 1), captions=[text], words=[words]
        )
        assert (maps.maps[-1] == 0).all()
        assert (maps.maps[0] != 0).any()

    def test_an_occurrence_beyond_the_cut_does_not_dilute_the_others(self) -> None:
        words = CaptionWords(("man",), ("noun",), (((0, 3), (90, 93)),))
        np.testing.assert_array_equal(word_rows(words, ((0, 0), (0, 3))), [[0, 1]])

    @pytest.mark.parametrize(
        "text",
        [
            "a zebra-striped t-shirt",
            "Ein schöner Hund im Schnee",
            "emoji 🐕 dog and 狗 cat",
            'quotes "dog" <b>cat</b> a.b$c',
        ],
    )
    def test_no_word_is_lost(self, matcher: BlipMatcher, text: str) -> None:
        words = caption_words(text)
        tokens = matcher.tokens([text])
        rows = word_rows(words, tokens.offsets[0])
        assert len(words.words) > 0
        assert (rows.sum(1) > 0).all()
        for row, spans in zip(rows, words.spans, strict=True):
            covered = [tokens.offsets[0][i] for i in np.flatnonzero(row)]
            assert covered[0][0] <= spans[0][0]
            assert any(end >= spans[0][1] for _, end in covered)


def test_precision_does_not_matter(tmp_path: Path) -> None:
    """float32 and float64 agree: the maps are no product of rounding."""
    precise = small_matcher(tmp_path / "m")
    coarse = small_matcher(tmp_path / "m", dtype="float32")
    a, _ = matcher_word_maps(precise, random_features(precise, 3), captions=TEXTS, words=WORDS)
    b, _ = matcher_word_maps(coarse, random_features(coarse, 3), captions=TEXTS, words=WORDS)
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x.maps, y.maps, atol=1e-4 * np.abs(x.maps).max())
