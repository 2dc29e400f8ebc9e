"""What can be asked of a pair: from a form, by family, and its hash."""

from __future__ import annotations

from dataclasses import replace

from fiftyone_capviz.settings.pairs import PairSettings, default_encoder


def test_settings_from_a_form_and_the_encoder_of_a_family() -> None:
    base = PairSettings(encoder="scenes")
    assert PairSettings.from_dict({"encoder": "", "layer": None, "x": 1}, base=base) == base
    assert PairSettings.from_dict({"layer": 1}, base=base).layer == 1
    assert default_encoder("scenes") == "scenes"
    assert default_encoder("Salesforce/blip-image-captioning-base").startswith("openai/clip")
    here = base.result_hash("r", precision="float32", layer=1)
    assert here == replace(base, device="cuda").result_hash("r", precision="float32", layer=1)
    assert here == replace(base, layer=1).result_hash("r", precision="float32", layer=1)
    assert here != base.result_hash("r", precision="float32", layer=2)
    assert here != base.result_hash("r", precision="bfloat16", layer=1)
    assert here != base.result_hash("other", precision="float32", layer=1)
