"""The colours of all figures; none of them is the only sign of what it stands for.

In: nothing. Out: hex strings that stand out on a light and on a dark page.
"""

from __future__ import annotations

FUSION_COLOUR, SINGLE_COLOUR = "#2F74B5", "#8A6D00"
INPUT_COLOURS = {"photo": "#0072B2", "description": "#D55E00", "sound": "#009E73"}
CHOSEN_COLOUR = "#D4006A"  # the frame of what is looked at
GREY = "#7A828E"
DARK_TEXT, LIGHT_TEXT = "#14181F", "#FFFFFF"
# Okabe and Ito (2008) without black and yellow, which one of the two themes would swallow.
SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#8A6FDF", "#7A828E")
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left")
DASHES = ([1, 0], [6, 3], [2, 3], [8, 3, 2, 3], [1, 2])
