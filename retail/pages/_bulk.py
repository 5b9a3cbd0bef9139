"""Many products at once."""

from retail.pages._recogniser import Chosen


def draw(chosen: Chosen) -> None:
    pass
