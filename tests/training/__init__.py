"""Recipes, data, the loop, checkpoints and weights, held against torch and torchvision."""
