"""A recipe as TOML text: what ``parse_recipe`` reads back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from models.compression.recipe import ArraySettings, CompressionRecipe


def recipe_text(recipe: CompressionRecipe) -> str:
    r"""Return the TOML text of a recipe, every option spelled out.

    >>> print(recipe_text(CompressionRecipe("none", "digits-cnn", ())), end="")
    name = "none"
    network = "digits-cnn"
    coder = "arithmetic"
    """
    lines = [
        f"{key} = {_value(getattr(recipe, key))}"
        for key in ("name", "network", "description", "data", "coder")
        if getattr(recipe, key)
    ]
    for step in recipe.steps:
        lines += ["", "[[step]]", f'method = "{step.method}"', *_table(step.options(), "step")]
    if recipe.array != ArraySettings():
        lines += ["", "[array]", *_table(asdict(recipe.array), "array")]
    return "\n".join(lines) + "\n"


def _table(options: Mapping[str, Any], path: str) -> list[str]:
    """Return plain values first, then the tables below them, as TOML wants it."""
    plain = [f"{key} = {_value(value)}" for key, value in options.items() if not isinstance(value, Mapping)]
    nested = [(key, value) for key, value in options.items() if isinstance(value, Mapping)]
    for key, value in nested:
        plain += [f"[{path}.{key}]", *_table(value, f"{path}.{key}")]
    return plain


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Sequence):
        return f"[{', '.join(map(_value, value))}]"
    return repr(value)
