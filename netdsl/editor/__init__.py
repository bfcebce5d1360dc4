"""What an editor asks of a spec while it is written: faults, figures, places, edits.

The questions are answered here as plain functions of a text; `server` speaks the Language Server Protocol.
"""
