"""Segmenters: segment-anything, transformers' mask generation, superpixels."""
