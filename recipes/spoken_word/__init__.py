"""The recipe behind the bundled spoken-word encoder: `python -m recipes.spoken_word`.

In: the speech synthesizers on this machine. Out: the weights and figures in `data/spoken_word`.
"""
