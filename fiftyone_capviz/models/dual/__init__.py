"""Dual encoders: CLIP, SigLIP and open_clip behind one tower per side."""
