"""oracle methods: every method explained."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from oracle.cli.app import command
from oracle.methods import CEILING, CEILINGS, DEFAULT_METHODS, METHODS, Method
from oracle.optimal.named import CLASSES

# A mask that a user may write.
EXAMPLE = """\
  import numpy as np

  def soft_mask(sources, mixture, power=1.5):
      # (n_sources, n_channels, n_freqs, n_frames) and one axis less
      powers = np.abs(sources) ** power
      return powers / np.maximum(powers.sum(axis=0), 1e-30)
"""


@command("methods", "oracle methods")
def methods_command() -> None:
    """Explain every method: its formula and where it comes from."""
    console = Console(highlight=False)
    console.print(
        "X is the mixture's STFT, S_j a source's, per channel; 0/0 is 0. "
        "A mask multiplies the mixture's STFT.\n"
    )
    console.print(_explained([*(METHODS[name] for name in DEFAULT_METHODS), CEILING]))
    by_name = [each for each in METHODS.values() if not each.by_default and not each.masks]
    console.print("By name only, in 'oracle bounds --methods':\n")
    console.print(_explained(by_name))
    console.print(
        "OPT and CEILING bound systems that predict a mask in [0, 1], the class REAL. Systems that "
        "predict other masks have other bounds. Name these in 'oracle bounds --methods', or their "
        "class in 'oracle sweep --class':\n"
    )
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="not bold dim")
    for column in ("class", "best mask", "ceiling"):
        table.add_column(column, no_wrap=True)
    for column in ("of masks", "bounds"):
        table.add_column(column)
    for masks in CLASSES.values():
        table.add_row(
            masks.name,
            METHODS[masks.method].name,
            CEILINGS[masks.ceiling].name,
            Text(masks.formula, "bold"),
            masks.systems,
        )
    console.print(table)
    console.print(
        "\nA mask of your own is a function (sources, mixture) -> mask. In my_masks.py:\n\n"
        f"{EXAMPLE}\n"
        "Set it beside the best mask and the ceiling:\n\n"
        "  oracle bounds --methods my_masks.py:soft_mask,OPT,CEILING",
        markup=False,
    )


def _explained(methods: Iterable[Method]) -> Table:
    table = Table(box=None, padding=(0, 2, 1, 0), show_header=False)
    for method in methods:
        text = Text.assemble(
            (method.formula, "bold"), f"\n{method.summary}\n", (method.reference, "dim")
        )
        table.add_row(method.name, text)
    return table
