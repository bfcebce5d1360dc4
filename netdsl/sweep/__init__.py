"""Sweeps: a network trained many times, with one or more of its settings changed, and what comes of it."""
