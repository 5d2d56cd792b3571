"""How a network gets from all its weights to those that stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from hwsim.errors import all_faults
from hwsim.network import Network
from models.compression.errors import CompressionError
from models.compression.pruning.budget import layer_of
from models.compression.pruning.criteria import Scores, scores
from models.compression.pruning.hooks import AbsoluteDecayHook, GradualHook
from models.compression.pruning.masks import masked
from models.compression.pruning.prune import Prune
from models.compression.pruning.schedule import Ramp, geometric_budget
from models.compression.pruning.surgery import Splicing, SurgeryHook, SurgeryRule, TargetRule, ThresholdRule
from models.compression.retrain import report_left, trained
from models.compression.step import Work
from models.compression.weights import weight_names
from models.training.hooks import Hook

Pruned = tuple[Network, dict[str, object]]


def one_shot(step: Prune, network: Network, work: Work) -> Pruned:
    """Prune at once, then train."""
    return iterative(replace(step, rounds=1), network, work)


def iterative(step: Prune, network: Network, work: Work) -> Pruned:
    """Prune in rounds of which each keeps the same part of what is left; train after each."""
    start, end = step.budget(network).nonzero(_weights(network)), step.budget(network)
    for done in range(1, step.rounds + 1):
        budget = geometric_budget(start, end, done / step.rounds)
        work.report(f"  round {done} of {step.rounds}: {sum(budget.counts)} weights stay")
        network = masked(network, budget.masks(_scores(step, network, work)))
        network = trained(network, work, step.training, _decay(step, network))
    return network, {}


def gradual(step: Prune, network: Network, work: Work) -> Pruned:
    """Prune while training, on the cubic schedule."""
    hook = GradualHook(step.budget(network), _ramp(step, network, work), step.criterion, step.idle_first)
    report_left(network, work)
    fit = work.retrain(network, step.training, (hook, *_decay(step, network)))
    return masked(replace(network, tensors=fit.tensors), hook.masks), {}


def surgery(step: Prune, network: Network, work: Work) -> Pruned:
    """Prune and splice while training, under thresholds that hit the target."""
    end, ramp = step.budget(network), _ramp(step, network, work)
    rule = TargetRule(end, ramp, end.nonzero(_weights(network)), step.criterion, step.surgery.hysteresis)
    return _operate(step, network, work, rule, ramp)


def dns(step: Prune, network: Network, work: Work) -> Pruned:
    """Prune and splice while training, by the published thresholds."""
    own = dict(step.surgery.crates)
    known = [layer_of(name) for name in weight_names(network)]
    unknown = [f"no layer {layer!r} with weights; known: {', '.join(known)}" for layer in own if layer not in known]
    if unknown:
        raise CompressionError(all_faults("pruning", unknown))
    crates = {name: own.get(layer_of(name), step.surgery.crate) for name in weight_names(network)}
    return _operate(step, network, work, ThresholdRule.of(network.tensors, crates), None)


SCHEDULES: Mapping[str, Callable[[Prune, Network, Work], Pruned]] = MappingProxyType(
    {"one-shot": one_shot, "iterative": iterative, "gradual": gradual, "surgery": surgery, "dns": dns}
)


def _operate(step: Prune, network: Network, work: Work, rule: SurgeryRule, ramp: Ramp | None) -> Pruned:
    options, steps = step.surgery, _steps(step, network, work)
    interval = 1 if ramp is None else step.interval
    splicing = Splicing(round(options.stop * steps), options.gamma, options.power, interval, step.training.seed)
    hook = SurgeryHook(rule, splicing.steps(ramp), step.idle_first)
    report_left(network, work)
    fit = work.retrain(network, step.training, (hook, *_decay(step, network)))
    return masked(replace(network, tensors=fit.tensors), hook.masks), {"spliced": hook.spliced}


def _scores(step: Prune, network: Network, work: Work) -> Scores:
    importance: Any = None
    if step.criterion == "saliency":
        from models.compression.hessian import diagonal

        importance = diagonal(network, work.train, samples=min(step.samples, len(work.train)))
    return scores(_weights(network), step.criterion, importance)


def _weights(network: Network) -> dict[str, Any]:
    return {name: network.tensors[name] for name in weight_names(network)}


def _decay(step: Prune, network: Network) -> tuple[Hook, ...]:
    return (AbsoluteDecayHook(step.l1, weight_names(network)),) if step.l1 else ()


def _steps(step: Prune, network: Network, work: Work) -> int:
    recipe = work.recipe(network, step.training)
    return recipe.epochs * (len(work.train) // recipe.batch)


def _ramp(step: Prune, network: Network, work: Work) -> Ramp:
    return Ramp(round(step.ramp * _steps(step, network, work)), step.interval)
