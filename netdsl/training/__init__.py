"""Recipes, data and the runner: from a checked network to a trained one."""
