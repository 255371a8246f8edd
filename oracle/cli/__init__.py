"""The `oracle` command: one file per command."""

import io
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import NoReturn

import typer

from oracle import TracksFailed
from oracle.cli.app import app

# Registered in the order in which --help lists them.
from oracle.cli import (  # noqa: F401 # isort: skip
    bounds,
    check,
    sweep,
    score,
    separate,
    compare,
    waltz,
    methods,
    datasets,
    guide,
)

__all__ = ["main"]

FAILED, WRONG_USAGE, SOME_TRACKS_FAILED, INTERRUPTED = 1, 2, 3, 130


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and exit; errors are one line, or a traceback with --debug."""
    arguments = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that cannot show every name
            stream.reconfigure(errors="backslashreplace")
    status = FAILED
    warnings.filterwarnings("always", category=UserWarning, module="oracle")
    warnings.showwarning = _show_warning
    try:
        # A command returns None; --help, --version and an interruption return a status.
        status = app(list(arguments), standalone_mode=False) or 0
        if status == INTERRUPTED:
            _complain("interrupted")
    except (typer.Abort, KeyboardInterrupt):  # older versions of typer raise these
        status = INTERRUPTED
        _complain("interrupted")
    except Exception as error:
        if "--debug" in arguments:
            traceback.print_exc()
        if hasattr(error, "format_message"):  # typer's errors; their base class has changed
            status = WRONG_USAGE
            _complain(error.format_message())
        elif isinstance(error, TracksFailed):
            status = SOME_TRACKS_FAILED
            for failure in error.exceptions:
                _complain(str(failure))
        else:
            _complain(str(error) or type(error).__name__)
    sys.exit(status)


def _complain(message: str) -> None:
    if message:
        print(f"oracle: {' '.join(message.split())}", file=sys.stderr)


def _show_warning(message: Warning | str, *where: object, **options: object) -> None:
    _complain(f"warning: {message}")
