"""Dual encoders on a dataset: one pair, many pairs, a whole view."""
