"""Tests of what networks are trained for."""
