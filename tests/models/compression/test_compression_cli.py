"""The compression commands end to end on the network that comes along, and what they say when something is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwsim.network import load_network_file
from models import cli
from models.compression.studies import Study
from models.compression.words import option_table
from models.data import Dataset, load_data

QUICK = ["--limit", "200", "--threads", "1"]


def test_images_that_are_held_out_are_counted_on_and_not_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from models.compression import measure, run

    seen: list[Dataset] = []
    plain, counted = run.compress, measure.measure_on

    def compress(network, steps, work, *rest):  # type: ignore[no-untyped-def]
        seen.append(work.train)
        return plain(network, steps, work, *rest)

    def measured(machines, own, images, *rest):  # type: ignore[no-untyped-def]
        seen.append(images.test)
        return counted(machines, own, images, *rest)

    monkeypatch.setattr(run, "compress", compress)
    monkeypatch.setattr(measure, "measure_on", measured)
    words = ["compress", "digits-cnn", "--method", "pow2", "-o", str(tmp_path / "net.hwz"), "--threads", "1"]
    assert cli.main([*words, "--hold-out", "60", "--split", "validation"]) == 0
    train = load_data("digits", "train")
    assert seen[0].labels.tolist() == train.labels[:838].tolist()
    assert all(images.labels.tolist() == train.labels[838:].tolist() for images in seen[1:]) and len(seen) == 3
    assert cli.main([*words, "--split", "validation"]) == 2
    assert "keep N of them from it with --hold-out N" in capsys.readouterr().err
    assert cli.main([*words, "--hold-out", "898"]) == 2
    assert "898 images to hold out of the 898" in capsys.readouterr().err


def test_a_method_with_options_makes_a_network_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "net.npz"
    words = ["digits-cnn", "--method", "prune", "--set", "keep=0.25", "--set", 'layers=[["conv1", 1.0]]', "--no-table"]
    assert cli.main(["compress", *words, "-o", str(output), *QUICK]) == 0
    network = load_network_file(output)
    assert network.metadata["compression"][0]["options"]["keep"] == 0.25
    assert (network.weight("conv1") != 0).all()
    share = (network.weight("conv2") != 0).mean() * 4608 + (network.weight("classify") != 0).mean() * 1280
    assert share == pytest.approx(0.25 * (4608 + 1280), abs=1)
    assert capsys.readouterr().out.endswith(f"{output}\n")


def test_lists(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["recipes"]) == 0
    assert "steps" in capsys.readouterr().out
    assert cli.main(["methods", "pow2"]) == 0
    assert "bits (int, default 5): Of one weight" in capsys.readouterr().out
    assert cli.main(["study"]) == 0
    assert "question" in capsys.readouterr().out


def test_a_study_writes_into_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Study, "run", lambda self, folder, root, report: report(f"{self.question} in {folder.name}"))
    monkeypatch.setattr("models.compression.studies.study", lambda name: Study("nowhere", "why?"))
    assert cli.main(["study", "any", "--results", str(tmp_path / "there")]) == 0
    assert capsys.readouterr().out == f"why? in there\n{tmp_path / 'there'}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["compress", "digits-cnn", "--method", "prun"], "unknown method 'prun': did you mean 'prune'"),
        (["compress", "digits-cn", "--method", "pow2"], "unknown network 'digits-cn': did you mean 'digits-cnn'"),
        (["compress", "--method", "pow2"], "name the network to compress"),
        (["compress", "digits-cnn", "--method", "pow2", "--set", "bits"], "has no value: write OPTION=VALUE"),
        (["compress", "digits-cnn", "--method", "pow2", "--set", "bits=9", "--set", "x=1"], "unknown option 'x'"),
        (["compress", "digits-cnn", "--method", "pow2", "--set", "bits=9"], "bits is 9"),
        (["compress", "digits-cnn", "--recipe", "none", "--set", "bits=3"], "--set gives options of --method"),
        (["compress", "digits-cnn", "--recipe", "none.toml"], "recipe 'none.toml' cannot be read"),
        (["compress", "digits-cnn", "--method", "pow2", "-o", "x.zip"], "must end in .hwz or .npz"),
        (["compress", "digits-cnn", "--method", "pow2", "--coder", "zip"], "unknown coder 'zip'"),
        (["compress", "digits-cnn", "--method", "pow2", "-o", "/proc/none/x.hwz"], "choose another place"),
        (["compress", "digits-cnn", "--method", "pow2", "--limit", "0"], "0 images asked for"),
        (["compare"], "name the networks to compare"),
        (["compare", "digits-cnn", "--measure"], "name their folder with --results DIR"),
        (["compare", "--results", "nowhere", "--measure"], "nowhere holds no stored run"),
        (["compare", "digits-cnn", "--coder", "zip"], "unknown coder 'zip'"),
        (["compare", "digits-cnn", "lenet5"], "lenet5: mnist"),
        (["compare", "none.hwz"], "none.hwz"),
        (["compare", "digits"], "or the path of a .npz or .hwz file"),
        (["compress", "digits-cnn", "--method", "pow2", "--set", "a=1", "--set", "a.b=1"], "is a value already"),
        (["compare", "--results", "nowhere"], "nowhere holds no stored run"),
        (["methods", "inqq"], "did you mean 'inq'"),
        (["study", "none"], "unknown study 'none'"),
    ],
)
def test_errors_are_one_message_and_exit_code_2(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(words) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.startswith("models: ")


def test_values_are_toml_or_words() -> None:
    assert option_table(["a=1", "b.c=true", "b.d=[1, 2]", "e=layer", 'f="x"', "g=1e-3"]) == {
        "a": 1,
        "b": {"c": True, "d": [1, 2]},
        "e": "layer",
        "f": "x",
        "g": 1e-3,
    }
