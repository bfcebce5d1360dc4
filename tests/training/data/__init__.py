"""Data sets read from files in exactly the published formats, whole and damaged."""
