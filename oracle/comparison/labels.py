"""Labels: unique names for results and their methods."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

from oracle.comparison.result_folders import Method, ReadResults
from oracle.stft import STFT


def name_apart(results: Sequence[ReadResults]) -> list[ReadResults]:
    """Give results unique names: a second folder of the same name gets a number.

    Raises
    ------
    ValueError
        If the caller has chosen the same name twice.
    """
    chosen = Counter(each.name for each in results if each.is_named)
    for name, times in chosen.items():
        if times > 1:
            raise ValueError(
                f"results must have different names, got two called {name!r}: "
                "choose another with NAME=..."
            )
    names = _number_taken([each.name for each in results], [each.is_named for each in results])
    return [replace(each, name=name) for each, name in zip(results, names, strict=True)]


def choose_labels(results: Sequence[ReadResults]) -> list[dict[str, str]]:
    """Choose a unique label for each method of all results.

    If the bounds use several STFTs, each label names its own.

    Parameters
    ----------
    results : sequence of ReadResults
        Results with unique names.

    Returns
    -------
    labels : list of dict
        One for each of the results: labels by the name that its scores give a method.
    """
    several = len(list_stfts(results)) > 1
    found = [(each, each.find_method(called)) for each in results for called in each.called]
    named = Counter(
        name for each in results for name in {each.find_method(c).name for c in each.called}
    )
    short = []
    chosen = []  # by the caller
    for each, method in found:
        is_chosen = each.is_named and len(each.called) == 1 and not method.is_bound
        chosen.append(is_chosen)
        short.append(each.name if is_chosen else method.name + _name_stft(method, several))
    times = Counter(short)
    labels = []
    for (each, method), label, is_chosen in zip(found, short, chosen, strict=True):
        # Published methods are told from the user's own, even at another STFT.
        is_shared = times[label] > 1 or (each.published is not None and named[method.name] > 1)
        in_full = not is_chosen and (each.is_named or is_shared)
        labels.append(f"{each.name}: {label}" if in_full else label)
    apart = iter(_number_taken(labels, chosen))
    return [{called: next(apart) for called in each.called} for each in results]


def read_label(label: str) -> str:
    """Find the name of a bound, as `oracle.methods` has it, in its label."""
    return label.rpartition(": ")[2].partition(" (")[0]


def list_stfts(results: Sequence[ReadResults]) -> list[STFT]:
    """List the known STFTs of the bounds."""
    known = (each.find_method(called).stft for each in results for called in each.called)
    return list(dict.fromkeys(stft for stft in known if stft is not None))


def _name_stft(method: Method, several: bool) -> str:
    if not several or not method.is_bound:
        return ""
    if method.stft is None:
        return " (STFT unknown)"
    return f" ({name_window(method.stft)} {method.stft.n_fft}/{method.stft.hop_length})"


def name_window(stft: STFT) -> str:
    """Name the window of an STFT."""
    return stft.window if isinstance(stft.window, str) else " ".join(map(str, stft.window))


def _number_taken(names: Sequence[str], fixed: Sequence[bool]) -> list[str]:
    """Add a number to names already taken, by a fixed name or an earlier one."""
    taken = set(names)  # also the later ones: a numbered name must not repeat any
    given = {name for name, is_fixed in zip(names, fixed, strict=True) if is_fixed}
    apart = []
    for name, is_fixed in zip(names, fixed, strict=True):
        if not is_fixed and name in given:
            name = next(n for n in (f"{name} ({i})" for i in count(2)) if n not in taken)
            taken.add(name)
        given.add(name)
        apart.append(name)
    return apart
