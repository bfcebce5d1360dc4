"""Augmentation in batches."""
