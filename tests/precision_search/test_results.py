import dataclasses
from pathlib import Path

import pytest
from fake_engine import FakeEngine

from precision_search import Results, Selection, sweep
from precision_search.errors import SelectionError
from precision_search.families import family
from precision_search.space import Same, Space

SPACE = Space("s", "net", (Same(("float<{1..3},{1..3}>", "pow2<3>", "nan<1>")),), ("2x2-ws", "8x8-os"), ("t1",))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("results") / "a.sqlite"
    sweep(SPACE, path, engine=FakeEngine())
    return path


def test_rates_are_derived_from_counts(store: Path) -> None:
    frame = Results(store).frame()
    assert len(frame) == 22
    assert (frame["accuracy"] == frame["correct"] / frame["total"]).all()
    assert ((frame["accuracy_low"] <= frame["accuracy"]) & (frame["accuracy"] <= frame["accuracy_high"])).all()


def test_numbers_are_missing_only_without_ok(store: Path) -> None:
    frame = Results(store).frame()
    assert frame["power_w"].isna().equals(frame["status"] != "ok")
    assert (frame.loc[frame["status"] == "nan", "correct"] > 0).all(), "the inference itself was fine"


def test_the_frontier_holds_only_undominated_rows(store: Path) -> None:
    results = Results(store)
    frame, front = results.frame(), results.frontier("power_w")
    assert (front["status"] == "ok").all()
    for row in front.itertuples():
        better = frame[(frame["power_w"] <= row.power_w) & (frame["accuracy"] > row.accuracy)]
        assert better.empty


def test_selections_narrow_and_explain_themselves(store: Path) -> None:
    results = Results(store)
    assert len(results.frame(Selection(machine="8x8-os"))) == 11
    with pytest.raises(SelectionError, match=r"machine = '9x9-ws'; stored: 2x2-ws, 8x8-os"):
        results.frame(Selection(machine="9x9-ws"))


@pytest.mark.parametrize(
    ("change", "option"), [({"tables": ("t2",)}, "--table"), ({"images": 50}, "--images"), ({"split": "x"}, "--split")]
)
def test_a_frontier_does_not_mix_what_cannot_be_compared(
    tmp_path: Path, change: dict[str, object], option: str
) -> None:
    path = tmp_path / "a.sqlite"
    sweep(SPACE, path, engine=FakeEngine())
    sweep(dataclasses.replace(SPACE, **change), path, engine=FakeEngine())  # type: ignore[arg-type]
    with pytest.raises(SelectionError, match=f"mix 2 values.*{option}"):
        Results(path).frontier()


def test_masks_of_unknown_inferences(store: Path) -> None:
    with pytest.raises(SelectionError, match="numerics key 'x'"):
        Results(store).masks(["x"])


@pytest.mark.parametrize(
    ("weights", "expected"),
    [("bf16", "float"), ("ufixed<4,2>", "fixed"), ("shiftcnn<2,4>", "sum of powers of two"),
     ("codebook<4>{0;1}", "codebook"), ("mxfp8_e4m3", "block"), ("int8@2^-3", "integer")],
)  # fmt: skip
def test_families(weights: str, expected: str) -> None:
    assert family(weights) == expected
