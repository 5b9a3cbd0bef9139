"""How far an answer can be trusted: what a recogniser knows about itself beside its guesses.

In: a trained head and embedded rows. Out: small tables that a bundle carries.
"""
