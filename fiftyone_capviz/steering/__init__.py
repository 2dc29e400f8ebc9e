"""Steering one batch of images, without a dataset."""
