"""The command ``hwsim`` as a user meets it."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from hwsim.cli import main

FAMILIES = "fixed<W,I> float<E,M> pow2<B> apot<B> shiftcnn<N,B> codebook<K> mx< e4m3 bf16"
SHIFT_ADD = ("--weights", "pow2<4>", "--acts", "fixed<8,4>", "--acc", "fixed<24,12>", "--images", "50")


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = main(argv)
    out = capsys.readouterr()
    return code, out.out, out.err


def refused(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    code, out, err = run(capsys, *argv)
    assert code == 2
    assert out == ""
    assert err.startswith("hwsim: ")
    assert "Traceback" not in err
    return err


def test_formats_lists_every_family_and_standard_format(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "formats")
    assert code == 0
    for name in FAMILIES.split():
        assert name in out
    assert "shift_add" in out


def test_formats_explains_one_code_by_code(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "formats", "pow2<3>@2^-1", "--codes")
    assert code == 0
    assert "001  0.5" in out
    assert "110  -0.25" in out


def test_formats_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "formats", "e4m3", "--json")
    assert json.loads(out)[0]["largest"] == 448


def test_networks_names_what_is_shipped(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "networks")
    assert "digits-cnn" in out
    assert "2,293,000" in out
    assert "9956 of 10000" in out


def test_run_prints_accuracy_time_energy_and_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "run", "digits-cnn", *SHIFT_ADD, "--machine", "16x16-ws")
    assert code == 0
    for word in "accuracy fill steady drain stall use dram power area published45 exact/ clamped".split():
        assert word in out


def test_json_and_csv_agree(capsys: pytest.CaptureFixture[str]) -> None:
    values = json.loads(run(capsys, "run", "digits-cnn", *SHIFT_ADD, "--json")[1])
    rows = list(csv.DictReader(io.StringIO(run(capsys, "run", "digits-cnn", *SHIFT_ADD, "--csv")[1])))
    assert [row["name"] for row in rows] == [*(layer["name"] for layer in values["layers"]), "total"]
    assert [int(row["cycles"]) for row in rows[:-1]] == [layer["cycles"] for layer in values["layers"]]
    assert float(rows[-1]["dram_pj"]) == values["energy_pj"]["dram"]


def test_a_network_file_runs_like_its_name(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    import models
    from hwsim import save_network

    save_network(models.load_network("digits-cnn"), tmp_path / "own.npz")
    by_name = json.loads(run(capsys, "run", "digits-cnn", *SHIFT_ADD, "--json")[1])
    by_file = json.loads(run(capsys, "run", str(tmp_path / "own.npz"), *SHIFT_ADD, "--json")[1])
    assert by_file["correct"] == by_name["correct"]


def test_formats_of_single_layers(capsys: pytest.CaptureFixture[str]) -> None:
    layer = ("--layer", "classify.weights=int8", "--layer", "input.acts=ufixed<5,1>")
    values = json.loads(run(capsys, "run", "digits-cnn", *SHIFT_ADD, *layer, "--json")[1])
    assert values["layers"][-1]["weights"].startswith("int8@2^")
    assert values["layers"][0]["inputs"] == "ufixed<5,1>"


def test_explain_traces_prices_to_rows(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "explain", *SHIFT_ADD[:6])
    assert code == 0
    assert "published45.csv:" in out
    assert "Horowitz" in out


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("run", "lenet", *SHIFT_ADD), "did you mean 'lenet5'"),
        (("run", "digits-cnn", "--all", "fixd<8,4>"), "did you mean 'fixed<W,I>'"),
        (("run", "digits-cnn", "--all", "Q4.4"), "'fixed<9,5>'"),
        (("run", "digits-cnn", "--weights", "int8"), "--acts, --acc missing"),
        (("run", "digits-cnn", *SHIFT_ADD, "--machine", "16x16-wss"), "ws"),
        (("run", "digits-cnn", *SHIFT_ADD, "--machine", "0x4-ws"), "0"),
        (("run", "digits-cnn", *SHIFT_ADD, "--table", "published54"), "did you mean 'published45'"),
        (("run", "digits-cnn", *SHIFT_ADD, "--split", "tset"), "did you mean 'test'"),
        (("run", "digits-cnn", *SHIFT_ADD[:6], "--images", "0"), "at least 1"),
        (("run", "digits-cnn", *SHIFT_ADD, "--layer", "conv1=int8"), "LAYER.ROLE=FORMAT"),
        (("run", "digits-cnn", *SHIFT_ADD, "--layer", "conv9.weights=int8"), "did you mean"),
        (("run", "digits-cnn", "--all", "pow2<4>"), "cannot be added in"),
        (("run", "digits-cnn", "--weights", "mxfp4", "--acts", "int8", "--acc", "int24"), "int24 would count in units"),
        (("run", "nowhere.npz", *SHIFT_ADD), "nowhere.npz"),
        (("formats", "float(3,4)"), "'float<4,3>'"),
    ],
)
def test_bad_input_is_refused_in_one_message(
    capsys: pytest.CaptureFixture[str], argv: tuple[str, ...], says: str
) -> None:
    assert says in refused(capsys, *argv)


def test_a_truncated_file_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    source = Path(__file__).parent.parent / "models" / "weights" / "digits-cnn.npz"
    (tmp_path / "cut.npz").write_bytes(source.read_bytes()[:5000])
    refused(capsys, "run", str(tmp_path / "cut.npz"), *SHIFT_ADD)


@pytest.mark.parametrize("module", ["hwsim.cli", "models.cli", "precision_search.cli"])
def test_help_loads_nothing_heavy(module: str) -> None:
    light = "'numpy', " if module == "hwsim.cli" else ""
    check = (
        f"import sys, importlib; m = importlib.import_module('{module}')\n"
        "try: m.main(['--help'])\nexcept SystemExit: pass\n"
        f"heavy = {{{light}'pandas', 'matplotlib', 'numba', 'joblib', 'torch'}} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", check], check=True, capture_output=True)


def test_importing_hwsim_loads_nothing_heavy() -> None:
    heavy = "{'numpy', 'pandas', 'matplotlib', 'numba', 'joblib', 'torch'}"
    check = f"import sys, hwsim; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True)


def test_more_images_than_there_are_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert "1..899" in refused(capsys, "run", "digits-cnn", *SHIFT_ADD[:6], "--images", "900")
    assert run(capsys, "run", "digits-cnn", *SHIFT_ADD[:6], "--images", "899")[0] == 0


def test_csv_names_network_machine_and_prices_in_every_row(capsys: pytest.CaptureFixture[str]) -> None:
    values = json.loads(run(capsys, "run", "digits-cnn", *SHIFT_ADD, "--json")[1])
    rows = list(csv.DictReader(io.StringIO(run(capsys, "run", "digits-cnn", *SHIFT_ADD, "--csv")[1])))
    for key in ("network", "machine", "table"):
        assert {row[key] for row in rows} == {values[key]}
    assert float(rows[-1]["total_pj"]) == values["energy_pj"]["total"]
    for key in ("weight_bits", "nan_images", "accuracy", "accuracy_low", "accuracy_high", "power_w", "area_um2"):
        assert float(rows[-1][key]) == values[key]
    assert rows[-1]["unpriced"].split("; ") == values["unpriced"]


def test_prices_of_your_own(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from importlib import resources

    own = tmp_path / "mine.csv"
    own.write_text(resources.files("hwsim.cost").joinpath("data/published45.csv").read_text())
    values = json.loads(run(capsys, "run", "digits-cnn", *SHIFT_ADD, "--table", str(own), "--json")[1])
    assert values["table"] == "mine"
    assert "prices mine" in run(capsys, "explain", *SHIFT_ADD[:6], "--table", str(own))[1]
    assert "cannot be read" in refused(capsys, "explain", *SHIFT_ADD[:6], "--table", str(tmp_path / "none.csv"))
    assert ".csv file" in refused(capsys, "explain", *SHIFT_ADD[:6], "--table", "published46")


def test_faults_within_faults_are_set_under_them(capsys: pytest.CaptureFixture[str]) -> None:
    lines = refused(capsys, "run", "digits-cnn", "--all", "mxfp4", "--images", "5").splitlines()
    assert sum(line.startswith("  - ") for line in lines) == 3
    assert sum(line.startswith("      - ") for line in lines) == 6


def test_machines_lists_presets_with_their_sources(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "machines")
    assert code == 0
    for part in ("edge-16x16", "eyeriss-12x14", "tpu-128x128", "Gemmini", "JSSC 2017", "differs"):
        assert part in out


def test_memories_says_what_scratchpads_are_made_of(capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, "memories", "--machine", "16x16-ws,ifmap=64KiB/64b,dram=hbm2", "--table", "aladdin45")[1]
    for part in ("ifmap_sram", "25.87", "cacti45, listed", "dram: hbm2 without a limit"):
        assert part in out
    errors = run(capsys, "memories", "--errors")[1]
    assert "ihp130" in errors
    assert "4.8% / 15%" in errors
    assert "by its own rows only" in run(capsys, "memories", "--table", "unit")[1]


def test_a_machine_that_cannot_hold_a_vector_says_what_would_fit(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "run", "digits-cnn", *SHIFT_ADD, "--machine", "16x16-ws,ifmap=64b,dram=1GB/s")
    for part in ("needs", "bits", "short", "give it"):
        assert part in said
