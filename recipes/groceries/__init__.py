"""The recipe behind the catalogue of the shipped groceries: `python -m recipes.groceries`.

In: the products below and the speech synthesizers on this machine. Out: `data/groceries_catalogue` and
`data/groceries_examples`.
"""
