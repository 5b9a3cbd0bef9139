"""Pure functions of answers and targets: scores, paired tests, calibration, prediction sets, distances, retrieval.

In: arrays. Out: figures. Nothing here knows a recogniser.
"""
