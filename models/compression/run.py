"""Applying steps one after another, with a log, and a file after each step from which a stopped run goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.errors import NetworkError
from hwsim.network import Network, fold, fold_shapes, load_network_file, save_network
from models.compression.errors import CompressionError
from models.compression.options import Option, describe_options
from models.compression.step import Step, Work, names_recipe, own_recipe
from models.compression.weights import flat_weights
from models.log import TimedLog
from models.provenance import accelerator, code_and_packages, is_dirty
from models.training.settings import torch_settings

_STATE = "compression_state"


@dataclass(frozen=True)
class Compressed:
    """What the steps made.

    Attributes:
        network: Folded, with the list "compression" of steps, options and facts in its card.
        log: Lines, with seconds since the start of the process that wrote them.
        threads: torch threads of the steps, on which the last bits of a training depend.
    """

    network: Network
    log: tuple[str, ...]
    threads: int


def compress(
    network: Network, steps: Sequence[Step], work: Work, state: Path | None = None, kept: Path | None = None
) -> Compressed:
    """Apply ``steps`` to ``network`` in their order; batch-norms are folded before the first that needs it.

    Args:
        network: Trained, folded or not.
        steps: The methods with their options.
        work: Images and threads; its ``report`` gets each line of the log.
        state: Where the network is kept after each step (``NAME.npz`` keeps ``NAME.step1.npz``); the same call goes on
            after the last step that is found there, to the same bits. Deleted at the end.
        kept: Folder where the network after every step stays, for other recipes that begin with the same steps. Which
            code, packages and machine made a step stands in the card's entry of it, under "made"; where a step was made
            by others than today's, the log says so.

    Raises:
        CompressionError: options that do not fit the network, or a state that cannot be written.
        HwsimError: what training raises.
    """
    log = TimedLog(work.report)
    log.write(_code())  # before the work: what is committed meanwhile does not make the result
    network.validate()
    fold_shapes(network)  # a network that cannot be folded is refused now, and not after the training
    current = _as_from_file(network if steps and steps[0].keeps_batch_norms else fold(network))
    log.write(f"{network.name}: {len(steps)} steps, {len(work.train)} images of {work.train.name} {work.train.split}")
    log.write(_described(current))
    with torch_settings(work.threads):
        states = _States(state, kept, _keys(current, steps, work))
        done, current = states.latest(current, log)
        for place in range(done, len(steps)):
            current = _apply(
                current, steps[place], f"step {place + 1} of {len(steps)}", replace(work, report=log.write)
            )
            log.write(f"  {_described(current)}")
            current = states.keep(place + 1, current, log.lines)
    states.clear()
    return Compressed(fold(current), tuple(log.lines), work.threads)


def state_files(output: Path) -> tuple[Path, ...]:
    """Return the files that a stopped run has left beside ``output``."""
    return tuple(sorted(output.parent.glob(f"{output.stem}.step*.npz")))


def _apply(network: Network, step: Step, place: str, work: Work) -> Network:
    network = network if step.keeps_batch_norms else fold(network)
    work.report(f"{place}: {step.method} {_changed_options(step)}".rstrip())
    return _as_from_file(_stamped(step.apply(network, work), step))


def _stamped(network: Network, step: Step) -> Network:
    """Return ``network`` with what made it in the card's entry of its last step."""
    entries = network.metadata.get("compression", [])
    if not entries or entries[-1]["method"] != step.method:
        raise CompressionError(f"method {step.method!r} left no entry in the card: end its apply() with recorded(...)")
    last = {**entries[-1], "made": {**code_and_packages(), **(accelerator() if _on_gpu(network, step) else {})}}
    return replace(network, metadata={**network.metadata, "compression": [*entries[:-1], last]})


def _on_gpu(network: Network, step: Step) -> bool:
    """Return whether ``step`` trained where a GPU would have been used."""
    trains = any(name.endswith("epochs") and value for name, value in _flat(step.options()).items())
    return trains and own_recipe(network).reduced


def _as_from_file(network: Network) -> Network:
    """Return ``network`` as a file would give it back, so that going on from a file changes nothing."""
    tensors = {name: np.ascontiguousarray(network.tensors[name]) for name in sorted(network.tensors)}
    return replace(network, tensors=tensors, metadata=json.loads(json.dumps(dict(network.metadata))))


def _changed_options(step: Step) -> str:
    """Return the options that are not their defaults."""
    values = _flat(step.options())
    changed = (option.name for option in describe_options(type(step)) if not _is_default(option, values[option.name]))
    return " ".join(f"{name}={_value_text(values[name])}" for name in changed)


def _flat(options: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in options.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found


def _is_default(option: Option, value: Any) -> bool:
    return not option.required and json.dumps(option.default) == json.dumps(value)


def _value_text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, list | tuple) else str(value)


def _described(network: Network) -> str:
    weights = flat_weights(network)
    kept = int(np.count_nonzero(weights))
    values = np.unique(weights[weights != 0]).size
    return f"{kept} of {weights.size} weights are not zero ({kept / weights.size:.2%}), {values} distinct values"


def _keys(network: Network, steps: Sequence[Step], work: Work) -> tuple[str, ...]:
    """Return for each number of finished steps a hash of what led there: network, images, threads and options.

    A card without a training recipe adds the one that stands in for it. Code (but for a method's version), packages,
    processor and GPU are no part of it: a training of an hour stays of use after a commit that has nothing to do with
    it, and what a GPU has trained can be measured where there is none. They stand in the card instead, step by step.
    """
    card = dict(network.metadata)
    start = {"network": network.content_hash, "card": card, "data": work.train.sha256, "threads": work.threads}
    start |= {} if names_recipe(network) else {"recipe": own_recipe(network).to_dict()}
    parts = [[s.method, s.options(), *([s.version] if s.version > 1 else [])] for s in steps]
    prefixes = (parts[:count] for count in range(len(steps) + 1))
    texts = (json.dumps([start, prefix], sort_keys=True) for prefix in prefixes)
    return tuple(hashlib.sha256(text.encode()).hexdigest() for text in texts)


class _States:
    """The networks after finished steps, in files."""

    def __init__(self, output: Path | None, kept: Path | None, keys: tuple[str, ...]) -> None:
        self.output, self.kept, self.keys = output, kept, keys

    def latest(self, start: Network, log: TimedLog) -> tuple[int, Network]:
        """Return how many steps are done, and the network after them; lines of the log that led there come back."""
        for count in range(len(self.keys) - 1, 0, -1):
            for path in self._paths(count):
                if path.exists():
                    return count, self._read(path, count, log)
        return 0, start

    def keep(self, count: int, network: Network, lines: Sequence[str]) -> Network:
        """Store the network after ``count`` steps, and return it."""
        state = {"key": self.keys[count], "log": list(lines)}
        paths = self._paths(count) if count < len(self.keys) - 1 else self._paths(count)[:1] if self.kept else ()
        try:
            for path in paths:
                path.parent.mkdir(parents=True, exist_ok=True)
                save_network(replace(network, metadata={**network.metadata, _STATE: state}), path)
        except (NetworkError, OSError) as error:
            raise CompressionError(f"the state after step {count} cannot be stored: {error}") from error
        if self.output is not None:
            _beside(self.output, count - 1).unlink(missing_ok=True)
        return network

    def clear(self) -> None:
        """Delete the files beside the output."""
        for count in range(1, len(self.keys)):
            if self.output is not None:
                _beside(self.output, count).unlink(missing_ok=True)

    def _paths(self, count: int) -> tuple[Path, ...]:
        kept = () if self.kept is None else (self.kept / f"{self.keys[count][:24]}.npz",)
        return kept if self.output is None else (*kept, _beside(self.output, count))

    def _read(self, path: Path, count: int, log: TimedLog) -> Network:
        network = load_network_file(path)
        state = network.metadata.get(_STATE, {})
        if not isinstance(state, dict) or state.get("key") != self.keys[count]:
            raise CompressionError(
                f"{path} is of another run (other network, data, options or threads): delete it and start again"
            )
        log.lines[:] = state["log"]
        log.write(f"went on after step {count}, from {path.name}")
        log.write(_code())
        network = replace(network, metadata=_without_state(network))
        for line in _made_by_others(network):
            log.write(line)
        return network


def _made_by_others(network: Network) -> list[str]:
    """Return a line for each step that other code, packages or machines made than those of today."""
    today, lines = {**code_and_packages(), **accelerator()}, []
    for place, entry in enumerate(network.metadata.get("compression", []), 1):
        made = entry.get("made", {})
        names = [name for name in dict.fromkeys((*today, *made)) if name != "accelerator" or name in made]
        other = [
            f"{name} {made.get(name, 'unknown')} (now {today.get(name, 'none')})"
            for name in names
            if made.get(name) != today.get(name) or (name == "code" and is_dirty(str(made.get(name))))
        ]
        lines += [f"  step {place}, {entry['method']}, was made by {', '.join(other)}"] if other else []
    return lines


def _code() -> str:
    code = code_and_packages()["code"]
    return f"code {code}{', with changes that are in no commit' if is_dirty(code) else ''}"


def _beside(output: Path, count: int) -> Path:
    return output.with_name(f"{output.stem}.step{count}.npz")


def _without_state(network: Network) -> dict[str, Any]:
    return {name: value for name, value in network.metadata.items() if name != _STATE}
