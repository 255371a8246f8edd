"""The built-in metrics by name, and metrics of your own."""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from oracle.machine.callables import name_function
from oracle.metrics.metric import Metric
from oracle.metrics.names import ALL_METRICS, FRAMEWISE
from oracle.metrics.published import PUBLISHED

_ADDED_UP = {name: Metric(name, unit="dB", windows=name in FRAMEWISE) for name in ALL_METRICS}
BUILT_IN = _ADDED_UP | PUBLISHED

# What is taken wherever a metric is named: its name, itself, or a function of your own.
AnyMetric = str | Metric | Callable[[Any, Any, Any, int], Any]


def find_metrics(metrics: Iterable[AnyMetric]) -> list[Metric]:
    """Look metrics up by name; make metrics of functions of your own.

    Parameters
    ----------
    metrics : iterable of str, Metric or callable
        Names, metrics, and functions ``(references, estimates, mixture, rate) -> values``. A
        function gives its metric its name, and no unit; `Metric` tells more.

    Raises
    ------
    TypeError
        If they come as one string or function, or one is none of these.
    ValueError
        If none is named, one is unknown or has no name, or two have one name.
    ImportError
        If one needs a package that is not installed.
    """
    if isinstance(metrics, str):
        raise TypeError(f"metrics must be several names, got the one string {metrics!r}")
    if isinstance(metrics, Metric) or callable(metrics):
        raise TypeError(f"metrics must be a list, got {metrics!r} alone")
    several = list(metrics)
    unknown = [each for each in several if isinstance(each, str) and each not in BUILT_IN]
    found = [] if unknown else [_find_metric(each) for each in several]
    names = [metric.name for metric in found]
    if not names or len(set(names)) < len(names):
        by_capitals = {name.upper(): name for name in BUILT_IN}
        near = get_close_matches(unknown[0].upper(), by_capitals, n=1) if unknown else []
        raise ValueError(
            f"metrics must be some of {', '.join(ALL_METRICS)}, those that 'oracle guide metrics' "
            "lists, or functions of yours, once each, "
            f"got {', '.join(unknown or names) or 'none'}"
            + (f" (did you mean {by_capitals[near[0]]}?)" if near else "")
        )
    for metric in found:
        metric.needs.check_package(metric.name)
    return found


def _find_metric(metric: AnyMetric) -> Metric:
    if isinstance(metric, str):
        return BUILT_IN[metric]
    if isinstance(metric, Metric):
        if metric.function is None and metric != BUILT_IN.get(metric.name):
            raise ValueError(f"a metric must have a function, got {metric.name!r} without")
    elif callable(metric):
        instead = "oracle.metrics.Metric('NAME', function)"
        metric = Metric(name_function("a metric", metric, instead), metric)
    else:
        raise TypeError(f"a metric must be a name, a Metric or a function, got {metric!r}")
    if metric.function is not None and metric != BUILT_IN.get(metric.name, metric):
        raise ValueError(f"a metric must not have the name of another, got {metric.name!r}")
    return metric


def describe_metrics(metrics: Iterable[Metric]) -> dict[str, Any]:
    """Tell what ``run.json`` says of metrics: their names, and more of your own."""
    several = list(metrics)
    own = {metric.name: metric.settings for metric in several if metric.name not in BUILT_IN}
    names = [metric.name for metric in several]
    return {"metrics": names, "own_metrics": own} if own else {"metrics": names}


def read_metrics(settings: Mapping[str, Any]) -> dict[str, Metric]:
    """Tell what is known of the metrics of a run, by name, from what `describe_metrics` told."""
    own = {
        name: Metric(
            name,
            unit=said["unit"],
            windows=said["windows"],
            lower_is_better=said["lower_is_better"],
        )
        for name, said in settings.get("own_metrics", {}).items()
    }
    return BUILT_IN | own
