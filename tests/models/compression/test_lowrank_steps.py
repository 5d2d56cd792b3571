"""The steps as recipes call them: training with proximal steps, cutting, two layers for one, the whole chain."""

from dataclasses import replace

import numpy as np
import pytest

from hwsim.network import forward_float
from models import load_data, load_network
from models.compression.errors import CompressionError
from models.compression.lowrank import (
    ArrayChoice,
    Factorise,
    Form,
    GroupLassoHook,
    LowRank,
    LowRankTrain,
    NuclearProxHook,
    ShrinkUnits,
    Truncate,
)
from models.compression.lowrank.cut import Cutter
from models.compression.lowrank.prox import group_shrink, nuclear_prox
from models.compression.lowrank.steps import splits_of
from models.compression.lowrank.train import Penalties, penalised_forms, penalty_hooks
from models.compression.lowrank.truncate import RankRule
from models.compression.methods import make_step
from models.compression.step import Training, Work

NETWORK = load_network("digits-cnn")
WORK = Work(load_data("digits", "train").subset(320), threads=1)
SHORT = Training(epochs=2, learning_rate=0.02)


def test_truncate_then_factorise_keeps_the_function():
    cut = Truncate(RankRule(energy=0.8)).apply(NETWORK, WORK)
    factorised = Factorise().apply(cut, WORK)
    assert cut.shapes == NETWORK.shapes and len(factorised.layers) > len(cut.layers)
    images = load_data("digits", "test").images[:50]
    np.testing.assert_allclose(forward_float(factorised, images), forward_float(cut, images), atol=1e-5)
    methods = [entry["method"] for entry in factorised.metadata["compression"]]
    assert methods == ["truncate", "factorise"]
    cut_ranks, found = (entry["facts"]["ranks"] for entry in factorised.metadata["compression"])
    assert cut_ranks == found


def test_factorise_leaves_a_network_of_full_rank_alone():
    assert splits_of(NETWORK, ArrayChoice()) == {}
    assert Factorise().apply(NETWORK, WORK).content_hash == NETWORK.content_hash


def test_steps_are_made_from_tables():
    step = make_step(
        "low-rank",
        {
            "penalties": {"tau": 0.01, "group": 0.001, "alpha": 0.5},
            "training": {"epochs": 1},
            "ranks": {"rule": "array", "cost_share": 0.5, "data_aware": True, "array": {"objective": "energy"}},
        },
    )
    assert isinstance(step, LowRank) and step.ranks.array.objective == "energy" and step.retraining.epochs == 5
    with pytest.raises(CompressionError, match="tau"):
        make_step("low-rank-train", {"penalties": {"tau": -1.0}})
    for name in ("truncate", "factorise", "shrink-units"):
        assert make_step(name, {}).method == name


def test_penalties_out_of_bounds_are_all_named():
    with pytest.raises(CompressionError) as error:
        Penalties(tau=-1, group=-1, alpha=2, form="both", every=-1)  # type: ignore[arg-type]
    assert str(error.value).count("needed") == 5


def test_shrink_step_says_what_went():
    weight = NETWORK.weight("conv2").copy()
    weight[[1, 2]] = 0
    shrunk = ShrinkUnits().apply(replace(NETWORK, tensors={**NETWORK.tensors, "conv2.weight": weight}), WORK)
    assert shrunk.metadata["compression"][-1]["facts"]["removed"] == {"conv2": 2}


class TestTraining:
    """Needs torch."""

    @pytest.fixture(autouse=True)
    def _torch(self):
        pytest.importorskip("torch")

    def test_the_operator_gets_the_sum_of_the_steps(self):
        import torch

        weight = torch.tensor(NETWORK.weight("conv2"))
        before = NETWORK.weight("conv2").astype(np.float64).reshape(32, -1)
        hook = NuclearProxHook(NETWORK, {"conv2": Form.CHANNEL}, tau=0.1, momentum=0.5)
        for rate in (0.25, 0.5):
            hook.after_step({"conv2.weight": weight}, rate)
        np.testing.assert_array_equal(weight.numpy().reshape(32, -1), before)
        hook.after_epoch({"conv2.weight": weight}, 0.5, 1)
        # 0.75 / (1 - momentum) x tau
        np.testing.assert_allclose(weight.numpy().reshape(32, -1), nuclear_prox(before, 0.15), atol=1e-6)
        hook.after_epoch({"conv2.weight": weight}, 0.5, 2)
        np.testing.assert_allclose(weight.numpy().reshape(32, -1), nuclear_prox(before, 0.15), atol=1e-6)

    def test_every_other_step(self):
        import torch

        weight = torch.tensor(NETWORK.weight("conv2"))
        rows = NETWORK.weight("conv2").astype(np.float64).reshape(32, -1)
        hook = GroupLassoHook(("conv2",), strength=0.2, alpha=0.0, every=2, momentum=0.0)
        hook.after_step({"conv2.weight": weight}, 0.1)
        np.testing.assert_array_equal(weight.numpy().reshape(32, -1), rows)
        hook.after_step({"conv2.weight": weight}, 0.1)
        np.testing.assert_allclose(weight.numpy().reshape(32, -1), group_shrink(rows, 0.2 * 0.2 * 12), atol=1e-6)

    def test_momentum_is_that_of_the_recipe(self):
        hooks = penalty_hooks(NETWORK, WORK, Penalties(tau=1, group=1), SHORT)
        assert [type(hook) for hook in hooks] == [NuclearProxHook, GroupLassoHook]
        assert {hook.momentum for hook in hooks} == {0.9}
        assert hooks[1].names() == ("conv1.weight", "conv2.weight")

    @pytest.mark.parametrize(
        "step",
        [
            Factorise(skip=("conv3",)),
            LowRankTrain(Penalties(group=1.0, skip=("conv3",)), SHORT),
            LowRank(Penalties(), SHORT, RankRule(skip=("conv3",))),
        ],
        ids=lambda step: step.method,
    )
    def test_a_layer_to_skip_that_is_none_is_refused_before_any_training(self, step):
        lines = []
        with pytest.raises(CompressionError, match=r"unknown layer to skip 'conv3'"):
            step.apply(NETWORK, replace(WORK, report=lines.append))
        assert not any("epoch" in line for line in lines)

    def test_averaged_weights_and_penalties_do_not_go_together(self):
        with pytest.raises(CompressionError, match=r"averaging is 0\.9; needed: 0"):
            LowRankTrain(Penalties(tau=1.0), Training(epochs=1, averaging=0.9)).apply(NETWORK, WORK)

    def test_nuclear_norm_lowers_ranks_that_stay_in_the_kept_weights(self):
        trained = LowRankTrain(Penalties(tau=1.0), SHORT).apply(NETWORK, WORK)
        ranks = {name: Cutter(trained).numerical_rank(name, Form.CHANNEL) for name in ("conv1", "conv2", "classify")}
        before = {name: Cutter(NETWORK).numerical_rank(name, Form.CHANNEL) for name in ranks}
        assert ranks["conv2"] < before["conv2"]
        assert trained.metadata["compression"][0]["facts"]["norms"]["conv2"][0] == ranks["conv2"]

    def test_group_lasso_zeroes_whole_units_which_then_go(self):
        trained = LowRankTrain(Penalties(group=0.05), SHORT).apply(NETWORK, WORK)
        dead = ~trained.weight("conv1").reshape(16, -1).any(axis=1)
        shrunk = ShrinkUnits().apply(trained, WORK)
        zeros = int(dead.sum()) + int((~trained.weight("conv2").reshape(32, -1).any(axis=1)).sum())
        assert zeros > 0
        assert sum(shrunk.metadata["compression"][-1]["facts"]["removed"].values()) > 0
        images = load_data("digits", "test").images[:50]
        np.testing.assert_allclose(forward_float(shrunk, images), forward_float(trained, images), atol=1e-4)

    def test_forms_of_the_penalty(self):
        forms = penalised_forms(NETWORK, Penalties(tau=1.0, form="cheapest"))
        assert forms == {"conv1": Form.CHANNEL, "conv2": Form.SPATIAL, "classify": Form.CHANNEL}
        assert set(penalised_forms(NETWORK, Penalties(skip=("conv1",)))) == {"conv2", "classify"}

    def test_the_chain_trains_cuts_splits_and_tunes(self):
        lines = []
        step = LowRank(
            Penalties(tau=0.02), SHORT, RankRule(energy=0.95, array=ArrayChoice("parameters")), Training(epochs=1)
        )
        found = step.apply(NETWORK, replace(WORK, report=lines.append))
        assert any(name.endswith(".u") for name in (layer.name for layer in found.layers))
        assert sum(tensor.size for tensor in found.tensors.values()) < 6090
        assert sum("epoch" in line for line in lines) == 3
        assert found.metadata["compression"][-1]["facts"]["ranks"]
