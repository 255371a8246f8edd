"""Figures that display in a notebook even without ``%matplotlib inline``."""

import io

from matplotlib.figure import Figure


class ShownFigure(Figure):
    """A matplotlib figure that a notebook displays as an image."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()
