"""The captions of a dataset, counted."""
