"""Methods, their options, recipes and studies as lists to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

from hwsim.text import text_table
from models.compression.methods import METHODS, method_options, method_summary
from models.compression.options import Option, describe_options
from models.compression.recipe import load_recipe, shipped_recipes
from models.compression.step import Training
from models.compression.studies import STUDIES

_WIDTH = 116
_TRAINING = frozenset(option.name for option in describe_options(Training))


def methods_text(methods: Mapping[str, str] = METHODS) -> str:
    """Return every method with a line of what it does."""
    width = max(map(len, methods))
    lines = [f"{name:<{width}}  {method_summary(name, methods)}" for name in methods]
    return "\n".join([*lines, "", "models methods NAME: its options with their defaults"])


def method_text(name: str, methods: Mapping[str, str] = METHODS) -> str:
    """Return a method with its options. Raises CompressionError for an unknown name, with the nearest ones."""
    options = method_options(name, methods)
    own = [option for option in options if not _is_training(option)]
    lines = [f"{name}: {method_summary(name, methods)}", ""]
    lines += [line for option in own for line in _option_lines(option)]
    trainings = sorted({option.name.rpartition(".")[0] for option in options if _is_training(option)})
    for table in trainings:
        parts = [option for option in options if option.name.rpartition(".")[0] == table]
        shown = ", ".join(f"{option.name.rpartition('.')[2]} = {option_value(option.default)}" for option in parts)
        lines += wrap(f"  {table}: {shown}", _WIDTH, subsequent_indent="      ")
    if trainings:
        lines += ["", f"{', '.join(trainings)}: how weights are retrained", ""]
        lines += [line for option in describe_options(Training) for line in _option_lines(option, default=False)]
    return "\n".join(lines)


def recipes_text() -> str:
    """Return the recipes that travel with the package. Raises CompressionError when one has faults."""
    recipes = [load_recipe(name) for name in shipped_recipes()]
    cells = [
        (recipe.name, recipe.network, " ".join(step.method for step in recipe.steps), recipe.description)
        for recipe in recipes
    ]
    return text_table(("recipe", "network", "steps", "what it is"), cells)


def studies_text() -> str:
    """Return the studies with their questions."""
    return text_table(("study", "question"), [(name, study.question) for name, study in STUDIES.items()])


def option_value(value: Any) -> str:
    """Return a value as a recipe writes it.

    >>> option_value((0.5, 1.0)), option_value("layer"), option_value(True)
    ('[0.5, 1.0]', '"layer"', 'true')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    return f"[{', '.join(map(option_value, value))}]" if isinstance(value, Sequence) else repr(value)


def _is_training(option: Option) -> bool:
    table, _, name = option.name.rpartition(".")
    return bool(table) and name in _TRAINING and option.meaning == _MEANINGS[name]


_MEANINGS = {option.name: option.meaning for option in describe_options(Training)}


def _option_lines(option: Option, default: bool = True) -> list[str]:
    value = "must be given" if option.required else f"default {option_value(option.default)}"
    head = f"  {option.name} ({option.kind}{f', {value}' if default or option.required else ''}): {option.meaning}"
    return wrap(head, _WIDTH, subsequent_indent="      ")
