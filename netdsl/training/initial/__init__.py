"""Weights that a training begins with: a run's, a file's, or those that torchvision and timm publish.

    text ──wanted──► files · runs · torchvision_weights · timm_weights ──Given──► beginning ──► module

Every file is read whole, digested, and only then looked into, so that what is recorded is what was used.
Nothing here executes a pickle.
"""
