"""What the specs are held against, by family.

Torchvision's and timm's networks, and those that no library has in plain torch, as their papers and articles
give them; written without netdsl and without a look at the specs.
"""
