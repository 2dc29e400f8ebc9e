"""Attributions measured on labelled regions of a dataset."""
