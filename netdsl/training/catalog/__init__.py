"""Everything a recipe may say: closed lists of words, each with its arguments, their ranges and defaults.

Inert data, so that a recipe is checked without torch.
"""
