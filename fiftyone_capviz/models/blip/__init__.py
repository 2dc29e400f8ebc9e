"""BLIP: captioner, matcher, its contrastive head as a dual encoder."""
