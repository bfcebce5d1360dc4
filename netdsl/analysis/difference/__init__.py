"""How two networks differ.

`chains` brings both to the form of `terms`, `alignment` finds what corresponds, `compare` tells the changes
with their prices, `folding` gathers equal ones and `wording` says them.
"""
