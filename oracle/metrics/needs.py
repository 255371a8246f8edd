"""What a metric needs: rates, mono, a package."""

from importlib.util import find_spec
from typing import NamedTuple


class Needs(NamedTuple):
    """What a function of a metric needs; by default nothing.

    Parameters
    ----------
    rates : tuple of int, optional
        The only sampling rates in Hz at which it is defined.
    mono : bool, optional
        Whether it is defined for one channel only.
    package : str, optional
        The module that it imports.
    extra : str, optional
        The extra of this package that installs that module.
    """

    rates: tuple[int, ...] = ()
    mono: bool = False
    package: str = ""
    extra: str = ""

    def check_package(self, name: str) -> None:
        """Check that its package is installed.

        Raises
        ------
        ImportError
            If it is not; `name` is that of the metric.
        """
        if self.package and find_spec(self.package) is None:
            raise ImportError(
                f"{self.package} must be installed for the metric {name}: pip install "
                f"'oracle-masks[{self.extra}]' (in a clone: pip install '.[{self.extra}]')"
            )

    def check_audio(self, name: str, *, rate: int, n_channels: int) -> None:
        """Check that the metric is defined for some audio.

        Raises
        ------
        ValueError
            If it is not; `name` is that of the metric.
        """
        if self.rates and rate not in self.rates:
            rates = " or ".join(map(str, self.rates))
            raise ValueError(
                f"rate must be {rates} Hz for the metric {name}, got {rate}: leave the metric out, "
                "or resample the audio first"
            )
        if self.mono and n_channels != 1:
            raise ValueError(
                f"audio must be mono for the metric {name}, got {n_channels} channels: leave the "
                "metric out, or choose a channel first"
            )


NOTHING = Needs()
