"""Recognise retail products from any mix of photo, description and sound.

Import order, each room only from those before it: schema, plugins, options, wording, config, system, files, record,
media, dataset, encoders, store, augmentation, fusion, metrics, splits, training, finetuning, frozen, recognizer,
bundle, audit, evaluation, comparison, charts, report, build, catalogue, workspace, components, pages and commands.
"""
