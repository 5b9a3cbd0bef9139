"""Recognise retail products from any mix of photo, description and sound.

Import order, each only from its left: schema, config, media, archive, columns, table, manifest, encoders, pretraining,
augmentation, store, fusion, training, transfer, finetuning, evaluation, recognizer, bundle, build, demo, jobs, shelf,
catalogue, datasets, audits, overview, estimate, runs, side_by_side, charts, pages and __main__.
"""
