"""The application that commands are registered with."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from oracle import __version__

Function = TypeVar("Function", bound=Callable[..., object])

KEYWORD = Parameter.KEYWORD_ONLY


def _without_value(option: Any) -> Any:
    """Show an option, such as --help, as one that takes no value."""
    if option is not None:
        option.metavar = ""
    return option


class _Group(TyperGroup):
    def get_help_option(self, ctx: Any) -> Any:
        return _without_value(super().get_help_option(ctx))


class _Command(TyperCommand):
    def get_help_option(self, ctx: Any) -> Any:
        return _without_value(super().get_help_option(ctx))


def examples(*commands: str) -> str:
    """Format commands for the end of a help page, a line each; text after a # explains them."""
    lines = []
    for line in commands:
        shown, mark, why = line.partition("  # ")
        lines.append(f"[b]{shown}[/b]" + (f"  [dim]# {why}[/dim]" if mark else ""))
    return "\n".join(["Example:" if len(lines) == 1 else "Examples:", *lines])


def command(name: str, *shown: str) -> Callable[[Function], Function]:
    """Register a function as a command, with examples at the end of its help page.

    A parameter may be a dataclass, whose fields become options.
    """

    def register(function: Function) -> Function:
        app.command(name=name, epilog=examples(*shown), cls=_Command)(_ungrouped(function))
        return function

    return register


def _ungrouped(function: Callable[..., object]) -> Callable[..., object]:
    """Replace the dataclasses among a function's parameters by their fields."""
    parameters: list[Parameter] = []
    groups: dict[str, Any] = {}
    for parameter in signature(function).parameters.values():
        if is_dataclass(parameter.annotation):
            groups[parameter.name] = parameter.annotation
            parameters += [
                Parameter(option.name, KEYWORD, default=option.default, annotation=option.type)
                for option in fields(parameter.annotation)
            ]
        else:
            parameters.append(parameter.replace(kind=KEYWORD))

    @wraps(function)
    def ungrouped(**given: Any) -> object:
        for name, group in groups.items():
            given[name] = group(**{option.name: given.pop(option.name) for option in fields(group)})
        return function(**given)

    ungrouped.__dict__["__signature__"] = Signature(parameters)
    ungrouped.__annotations__ = {each.name: each.annotation for each in parameters}
    return ungrouped


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="How well can any time-frequency mask separate these sources?",
    epilog=examples(
        "oracle bounds  # the embedded waltz",
        "oracle bounds stems/ --out results",
        "oracle separate --methods IRM2 --out estimates",
        "oracle guide  # everything, topic by topic",
    )
    + "\nExit status: 0 done, 1 error, 2 wrong usage, 3 tracks failed (check: something is "
    "wrong), 130 interrupted.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"oracle {__version__}")
        raise typer.Exit


@app.callback()
def root_options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            metavar="",
            callback=_show_version,
            is_eager=True,
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    """Ideal-mask source-separation bounds."""
