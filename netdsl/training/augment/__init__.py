"""Augmentation in batches: torchvision's transforms, with parameters drawn for each sample by itself.

    words        the catalogue's words: what each draws, and what it does with it
    geometry     pixels to other places
    colour       values to other values
    mixing       several images, and their labels, to one

A batch of one gives what the same sample gives in a larger one, so images of many sizes take the same way.
"""
