"""The commands of `python -m retail`, a file for each kind; `shared` holds what they have in common."""
