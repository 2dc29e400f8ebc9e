"""Steering on a dataset: candidates, accepting, undo; one image and many."""
