"""What the commands have in common, and click lacks."""

import re

import click
from click.core import ParameterSource

from lm_geometry.workspace.extras import require_clone

_NUMBER = re.compile(r"-\d*\.?\d+")


class Command(click.Command):
    """A command whose repeatable options take several words at once: `--layer 4 12`.

    It works on a clone, and says so apart from one; see `Anywhere`.
    """

    def require(self) -> None:
        """Raises ImportError where the command cannot run in this install."""
        require_clone()

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, which reads `--layer=4 --layer=12` and guesses up to three options."""
        if not ctx.resilient_parsing and not {*ctx.help_option_names} & {*args}:
            self.require()
        repeatable = {
            name
            for option in self.params
            if isinstance(option, click.Option) and option.multiple
            for name in option.opts
        }
        try:
            return super().parse_args(ctx, _spread(args, repeatable, ctx))
        except click.NoSuchOption as error:
            nearest = (error.possibilities or [])[:1]
            raise click.NoSuchOption(error.option_name, None, nearest, ctx) from None


class Anywhere(Command):
    """A command that needs no clone."""

    def require(self) -> None:
        """Nothing is asked for."""


def _spread(words: list[str], repeatable: set[str], ctx: click.Context) -> list[str]:
    """The words, with a repeatable option before each of its values.

    Raises BadOptionUsage where it has none: click would take the next option for its value.
    """
    end = words.index("--") if "--" in words else len(words)
    written: list[str] = []
    option, values = "", 0
    for word in [*words[:end], "--"]:
        if option and (not word.startswith("-") or _NUMBER.fullmatch(word)):
            written.append(f"{option}={word}" if option.startswith("--") else option + word)
            values += 1
            continue
        if option and not values and not ctx.resilient_parsing:
            raise click.BadOptionUsage(option, f"Option {option!r} requires an argument.", ctx)
        option, values = (word, 0) if word in repeatable else ("", 0)
        if not option:
            written.append(word)
    return [*written[:-1], *words[end:]]


class Name(click.Choice[str]):
    """One of some names; another is answered with the nearest."""

    def get_invalid_choice_message(self, value: str, ctx: click.Context | None) -> str:
        """What is said of a name that is none of them."""
        from lm_geometry.params.explain import nearest

        return f"{value!r} is unknown{nearest(value, list(self.choices))}"


def refuse_both(one: str, other: str) -> None:
    """Raises UsageError where both options were given to the command that runs."""
    context = click.get_current_context()
    given = {
        option
        for parameter in context.command.params
        if context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
        for option in parameter.opts
    }
    if {one, other} <= given:
        raise click.UsageError(f"{one} is not allowed with {other}", context)


def examples(*lines: str) -> str:
    """The end of a command's help: lines to copy."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
