"""Frozen features: maps and classifiers on the embeddings of a frozen encoder, and learning curves.

In: embedded rows of one modality. Out: fitted models and their scores.
"""
