"""Texts that nobody would write, through the whole of `netdsl check`: `python -m tests.fuzzing` for long."""
