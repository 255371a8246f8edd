"""Labels: what results and their methods are called, so that no two are called the same."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

from oracle.comparison.result_folders import Method, ReadResults
from oracle.stft import STFT


def name_apart(results: Sequence[ReadResults]) -> list[ReadResults]:
    """Give results names that differ: of two folders of one name the second gets a number.

    Raises
    ------
    ValueError
        If the caller has chosen one name for two.
    """
    chosen = Counter(each.name for each in results if each.is_named)
    for name, times in chosen.items():
        if times > 1:
            raise ValueError(
                f"results must have names that differ, got two called {name!r}: "
                "choose another with NAME=..."
            )
    names = _number_taken([each.name for each in results], [each.is_named for each in results])
    return [replace(each, name=name) for each, name in zip(results, names, strict=True)]


def choose_labels(results: Sequence[ReadResults]) -> list[dict[str, str]]:
    """Choose what to call each method of each results, so that no two are called the same.

    Where bounds are of several STFTs, each says its own.

    Parameters
    ----------
    results : sequence of ReadResults
        With names that differ.

    Returns
    -------
    labels : list of dict
        Of each results the labels by what its scores call the methods.
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
        # What is published is told from one's own, also at another STFT.
        is_shared = times[label] > 1 or (each.published is not None and named[method.name] > 1)
        in_full = not is_chosen and (each.is_named or is_shared)
        labels.append(f"{each.name}: {label}" if in_full else label)
    apart = iter(_number_taken(labels, chosen))
    return [{called: next(apart) for called in each.called} for each in results]


def list_stfts(results: Sequence[ReadResults]) -> list[STFT]:
    """List the STFTs of the bounds, as far as they are known."""
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
    """Add a number to names that are taken, by one that is fixed or by an earlier one."""
    taken = set(names)  # also by later ones: no number makes a name that there is
    given = {name for name, is_fixed in zip(names, fixed, strict=True) if is_fixed}
    apart = []
    for name, is_fixed in zip(names, fixed, strict=True):
        if not is_fixed and name in given:
            name = next(n for n in (f"{name} ({i})" for i in count(2)) if n not in taken)
            taken.add(name)
        given.add(name)
        apart.append(name)
    return apart
