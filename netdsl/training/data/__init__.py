"""Data sets: found or fetched, read and judged, as images and labels."""
