"""Peers on the same products: what AutoGluon Multimodal, Ludwig and a short script reach, and what they cost.

In: the fashion and grocery sets beside the project. Out: one JSON a peer, and the tables of `benchmarks/peers.md`.
"""
