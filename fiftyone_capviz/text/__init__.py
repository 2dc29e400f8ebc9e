"""Captions as text: content words, their singular, and captions cut at their words."""
