"""Recipes: YAML, checked as a whole before anything is built, filled with every default. Imports no torch."""

from textgan.recipe.load import Recipe, bundled, load
from textgan.recipe.problems import RecipeError

__all__ = ["Recipe", "RecipeError", "bundled", "load"]
