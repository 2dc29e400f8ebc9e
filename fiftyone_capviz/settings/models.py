"""Models to suggest, by what they do; any hub name or local folder will do as well."""

from __future__ import annotations

SCENES = "scenes"
"""The bundled models of the synthetic world."""
PHOTOGRAPHS = "openai/clip-vit-base-patch16"
CAPTIONERS = (
    "Salesforce/blip-image-captioning-base",
    "Salesforce/blip-image-captioning-large",
    SCENES,
)
MATCHERS = ("Salesforce/blip-itm-base-coco", "Salesforce/blip-itm-large-coco", SCENES)
SEGMENTERS = ("superpixels", "facebook/sam-vit-base", SCENES)
ENCODERS = (PHOTOGRAPHS, "openai/clip-vit-base-patch32", SCENES)

SUGGESTIONS: dict[str, tuple[str, ...]] = {
    "captioner": CAPTIONERS,
    "matcher": MATCHERS,
    "segmenter": SEGMENTERS,
    "encoder": ENCODERS,
}
"""The option that names a model -> what to suggest for it, the default first."""
