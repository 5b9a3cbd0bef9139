"""The recipe behind the demo set in `data/demo`: `python -m recipes.demo all`."""
