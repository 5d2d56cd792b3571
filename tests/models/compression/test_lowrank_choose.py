"""Ranks by what they cost on the array."""

from dataclasses import replace
from itertools import product
from math import inf

import numpy as np
import pytest

from hwsim.costing import cost as priced
from hwsim.network import fold
from hwsim.network.assignment import Assignment, LayerFormats
from models import load_data, load_network
from models.compression.errors import CompressionError
from models.compression.lowrank.array_cost import ArrayChoice, ArrayCost
from models.compression.lowrank.choose import Candidate, Chosen, allocate, candidates, choose, loss_slopes
from models.compression.lowrank.cut import Cutter
from models.compression.lowrank.graph import factorise
from models.compression.lowrank.loss import mean_loss
from models.compression.lowrank.matrix import Form, Split
from models.compression.lowrank.truncate import RankRule, Truncate, threshold_rank, truncated
from models.compression.step import Work

NETWORK = load_network("digits-cnn")
TRAIN = load_data("digits", "train").subset(200)
QUICK = ArrayChoice(machine="16x16-ws", table="published45")


@pytest.mark.parametrize("objective", ["cycles", "energy", "parameters"])
@pytest.mark.parametrize("splits", [{}, {"conv2": Split(Form.SPATIAL, 6), "classify": Split(Form.CHANNEL, 3)}])
def test_costs_are_those_of_the_rewritten_network(objective, splits):
    choice = ArrayChoice(objective, machine="8x8-os", weights="pow2<4>")
    rewritten = factorise(NETWORK, splits)
    hardware = priced(rewritten, Assignment(LayerFormats.of("pow2<4>", "int8", "int32")), "8x8-os", "sky130").hardware
    expected = {
        "cycles": hardware.cycles,
        "energy": hardware.energy_total_pj,
        "parameters": sum(tensor.size for tensor in rewritten.tensors.values()),
    }
    assert ArrayCost(NETWORK, choice)(splits) == expected[objective]


def test_balanced_is_the_mean_of_two_shares():
    splits = {"conv2": Split(Form.CHANNEL, 8)}
    shares = [
        (cost := ArrayCost(NETWORK, replace(QUICK, objective=kind)))(splits) / cost.whole
        for kind in ("parameters", "cycles")
    ]
    balanced = ArrayCost(NETWORK, replace(QUICK, objective="balanced"))
    assert balanced.whole == 100 and balanced(splits) == pytest.approx(50 * sum(shares), rel=1e-12)


def test_faults_of_the_array_are_listed_at_once():
    with pytest.raises(CompressionError) as error:
        ArrayChoice("speed", machine="16x", weights="int", table="none")  # type: ignore[arg-type]
    assert str(error.value).count("\n") >= 3


def test_candidates_save_more_only_by_losing_more():
    cutter = Cutter(NETWORK)
    found = candidates(cutter, ArrayCost(NETWORK, QUICK), "conv2", "cheapest")
    assert found[0] == Candidate(None, 0.0, 0.0)
    ordered = sorted(found, key=lambda c: c.saved)
    errors = [candidate.error for candidate in ordered]
    assert errors == sorted(errors) and len(ordered) > 3
    assert all(c.saved > 0 and c.split is not None for c in ordered[1:])


def tables():
    generator = np.random.default_rng(5)
    for _ in range(6):
        yield {
            name: (
                Candidate(None, 0.0, 0.0),
                *(
                    Candidate(Split(Form.CHANNEL, 9 - i), float(saved), float(error))
                    for i, (saved, error) in enumerate(
                        zip(np.sort(generator.integers(1, 50, 5)), np.sort(generator.random(5)), strict=True)
                    )
                ),
            )
            for name in "abc"
        }


def test_no_allocation_with_as_little_error_saves_more():
    """Everett's theorem, checked against every combination."""
    for table in tables():
        for price in (5.0, 30.0, 100.0):
            slopes = dict.fromkeys(table, 1.0)
            taken = allocate(table, slopes, price)
            chosen = [next(c for c in layer if c.split == taken.get(name)) for name, layer in table.items()]
            saved, error = sum(c.saved for c in chosen), sum(c.error for c in chosen)
            for others in product(*table.values()):
                if sum(c.error for c in others) <= error:
                    assert sum(c.saved for c in others) <= saved + 1e-9


@pytest.mark.parametrize("bound", [0.0, 0.4, 1.0, 2.9])
def test_the_bound_on_the_loss_holds_and_is_used(bound):
    for table in tables():
        slopes = dict.fromkeys(table, 1.0)
        by_split = {name: {c.split: c for c in layer} for name, layer in table.items()}

        def measure(splits, by_split=by_split):
            taken = [by_split[name][split] for name, split in splits.items()]
            return Chosen(splits, 200 - sum(c.saved for c in taken), sum(c.error for c in taken))

        found = choose(table, slopes, measure, lambda c: c.loss <= bound, cheap_first=True)
        assert found is not None and found.loss <= bound
        points = {}
        for price in np.geomspace(1e-3, 1e9, 4000):
            other = measure(allocate(table, slopes, price))
            points[other.cost] = other.loss
        assert found.cost == min(cost for cost, loss in points.items() if loss <= bound)
        target = choose(table, slopes, measure, lambda c, cost=found.cost: c.cost <= cost, cheap_first=False)
        assert target is not None and target.cost == found.cost


def test_of_all_that_fit_a_bound_on_the_cost_the_least_measured_loss_is_kept():
    """Cuts act on each other: the allocation nearest to the bound need not be the best one that was seen."""
    splits = [Split(Form.CHANNEL, rank) for rank in range(1, 9)]
    layer = [Candidate(split, 80.0 - 10 * i, 0.5**i) for i, split in enumerate(splits)]
    table = {"a": (Candidate(None, 0.0, 0.0), *layer)}
    saved, losses, seen = {c.split: c.saved for c in table["a"]}, {1: 0.1, 5: 0.9}, []

    def measure(taken):
        split = taken.get("a")
        seen.append(Chosen(taken, 100.0 - saved[split], losses.get(split.rank if split else 0, 1.0)))
        return seen[-1]

    found = choose(table, {"a": 1.0}, measure, lambda chosen: chosen.cost <= 60, cheap_first=False)
    fitting = [chosen for chosen in seen if chosen.cost <= 60]
    assert found is not None and found.loss == min(chosen.loss for chosen in fitting) < fitting[-1].loss


def test_a_budget_that_nothing_meets_is_reported():
    lines = []
    step = Truncate(RankRule("array", allowed_loss=0.0, samples=50, array=QUICK))
    found = step.apply(NETWORK, Work(TRAIN, lines.append))
    assert found.metadata["compression"][-1]["facts"] == {"ranks": {}}
    assert lines == ["  nothing fits the rule: no layer is cut"]
    assert all((tensor == NETWORK.tensors[name]).all() for name, tensor in found.tensors.items())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"rule": "gavish-donoho", "data_aware": True},
            "data_aware is given, and rule = 'gavish-donoho', which is about",
        ),
        ({"rule": "array", "energy": 0.5}, "energy is given, and rule = 'array' leaves"),
        ({"fraction": 0.4}, "fraction is given, and rule = 'energy' leaves"),
        ({"cost_share": 0.4}, "cost_share is given, and rule = 'energy' leaves"),
        ({"rule": "array", "cost_share": 0.4, "allowed_loss": 0.2}, "allowed_loss is given, and cost_share leaves"),
    ],
)
def test_options_without_effect_are_refused(options, words):
    with pytest.raises(CompressionError, match=words):
        RankRule(**options)


def test_slopes_are_measured_on_one_layer_at_a_time():
    asked = []

    def loss(splits):
        asked.append(dict(splits))
        return 1.0 + sum({"a": 2.0, "b": -1.0}[name] for name in splits)

    table = {
        "a": (
            Candidate(None, 0, 0),
            Candidate(Split(Form.CHANNEL, 3), 5, 0.01),
            Candidate(Split(Form.CHANNEL, 2), 9, 0.1),
        ),
        "b": (Candidate(None, 0, 0), Candidate(Split(Form.CHANNEL, 1), 5, 0.5)),
        "c": (Candidate(None, 0, 0),),
    }
    slopes = loss_slopes(table, loss)
    assert slopes["a"] == pytest.approx(20.0) and 0 < slopes["b"] < 1e-3 and "c" not in slopes
    assert asked == [{}, {"a": Split(Form.CHANNEL, 2)}, {"b": Split(Form.CHANNEL, 1)}]


def test_a_layer_that_a_shallow_cut_does_not_hurt_is_asked_about_its_deepest() -> None:
    """On few images a cut of a tenth may do nothing, or less; the slope is then that of the deepest cut."""
    layer = tuple(Candidate(Split(Form.CHANNEL, rank), 10.0 - rank, error) for rank, error in ((3, 0.1), (1, 0.8)))
    table = {"a": (Candidate(None, 0, 0), *layer)}
    for shallow, slope in ((0.9, 2.0 / 0.8), (1.0 + 1e-5, 2.0 / 0.8), (1.02, 0.02 / 0.1)):
        losses = {3: shallow, 1: 3.0}
        slopes = loss_slopes(table, lambda splits, found=losses: found[splits["a"].rank] if splits else 1.0)
        assert slopes["a"] == pytest.approx(slope)


@pytest.mark.parametrize("aware", [False, True])
def test_the_array_rule_keeps_its_word(aware):
    rule = RankRule("array", allowed_loss=0.05, data_aware=aware, samples=200, array=QUICK)
    cut, splits = truncated(NETWORK, TRAIN, rule)
    assert mean_loss(cut, TRAIN) <= mean_loss(NETWORK, TRAIN) + 0.05
    cost = ArrayCost(NETWORK, rule.array)
    assert splits and cost(splits) < cost.whole
    share = RankRule("array", cost_share=0.7, data_aware=aware, samples=200, array=QUICK)
    _, cheaper = truncated(NETWORK, TRAIN, share)
    assert cost(cheaper) <= 0.7 * cost.whole


def test_a_share_out_of_reach_says_how_low_it_goes():
    with pytest.raises(CompressionError, match=r"cost_share is 0\.01; the lowest that ranks alone reach is 0\.\d+"):
        truncated(NETWORK, TRAIN, RankRule("array", cost_share=0.01, samples=50, array=QUICK))


def test_images_make_better_cuts():
    rules = (RankRule("fraction", fraction=0.4), RankRule("fraction", fraction=0.4, data_aware=True, samples=200))
    plain, aware = (mean_loss(truncated(NETWORK, TRAIN, rule)[0], TRAIN) for rule in rules)
    assert aware < plain


def test_images_that_nothing_looks_at_are_refused():
    with pytest.raises(CompressionError, match="samples is given, and rule = 'energy' without data_aware leaves it"):
        RankRule(samples=5)


def test_energy_ranks_are_those_of_the_singular_values():
    weight = NETWORK.weight("conv2").astype(np.float64).reshape(32, -1)
    sigma = np.linalg.svd(weight, compute_uv=False)
    rank = threshold_rank(Cutter(NETWORK), "conv2", Form.CHANNEL, RankRule(energy=0.8))
    energies = np.cumsum(sigma**2) / np.sum(sigma**2)
    assert energies[rank - 1] >= 0.8 > energies[rank - 2]


def test_layers_without_saving_and_those_to_skip_stay_whole():
    cut, splits = truncated(NETWORK, TRAIN, RankRule(energy=1.0))
    assert splits == {} and cut.content_hash == NETWORK.content_hash
    _, splits = truncated(NETWORK, TRAIN, RankRule(energy=0.5, skip=("conv2",)))
    assert "conv2" not in splits
    with pytest.raises(CompressionError, match="conv3"):
        truncated(NETWORK, TRAIN, RankRule(skip=("conv3",)))


def test_more_samples_than_images_are_refused():
    with pytest.raises(CompressionError, match="samples is 500; there are 200"):
        truncated(NETWORK, TRAIN, RankRule(data_aware=True, samples=500))


def test_options_out_of_bounds_are_all_named():
    with pytest.raises(CompressionError) as error:
        RankRule(
            "best",  # type: ignore[arg-type]
            energy=0.0, fraction=2.0, allowed_loss=-1.0, cost_share=1.0, samples=0,
            form="both",  # type: ignore[arg-type]
        )  # fmt: skip
    assert str(error.value).count("needed") == 7


def test_mean_loss_is_the_cross_entropy():
    from hwsim.network import forward_float

    outputs = forward_float(fold(NETWORK), TRAIN.images[:20])
    expected = 0.0
    for row, label in zip(outputs, TRAIN.labels[:20], strict=True):
        expected += np.log(np.exp(row).sum()) - row[label]
    assert mean_loss(NETWORK, TRAIN.subset(20)) == pytest.approx(expected / 20, rel=1e-9)
    assert mean_loss(NETWORK, TRAIN) < inf
