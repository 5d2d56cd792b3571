"""The command line: exit codes, messages without tracebacks, and that nothing heavy is imported without need."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models import cli
from models.data import catalog, mnist


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["list"]) == 0
    out = capsys.readouterr().out
    assert "digits-cnn" in out and "lenet5" in out and "/10000 correct" in out and "CC BY 4.0" in out


def test_evaluate(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["evaluate", "digits-cnn"]) == 0
    assert "digits-cnn on digits test: 882 of 899 correct (98.11%)" in capsys.readouterr().out


def test_evaluate_on_data_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "mine.npz", test_images=np.zeros((4, 1, 8, 8)), test_labels=np.zeros(4, int))
    assert cli.main(["evaluate", "digits-cnn", "--data", str(tmp_path / "mine.npz")]) == 0
    assert "on mine test:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["evaluate", "digits"], "unknown network 'digits'"),
        (["evaluate", "digits-cnn", "--split", "tst"], "did you mean 'test'"),
        (["evaluate", "digits-cnn", "--data", "none.npz"], "none.npz"),
        (["evaluate", "none.npz"], "none.npz"),
        (["evaluate", "lenet5", "--root", "nowhere"], "models fetch mnist"),
        (["fetch", "cifar"], "unknown data set 'cifar'"),
        (["fetch", "mnist", "--from", "nowhere", "--root", "nowhere-else"], "holds none of"),
        (["train", "nothing"], "unknown trainable network 'nothing'"),
        (["train", "digits-cnn", "--epochs", "0"], "epochs is 0; needed: at least 1"),
        (["validate", "nothing"], "unknown trainable network 'nothing'"),
    ],
)
def test_errors_are_one_message_and_exit_code_2(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(words) == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.err.startswith("models: ") and captured.out == ""


def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_fetch", interrupt)
    assert cli.main(["fetch", "mnist"]) == 130


def test_fetch_from_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib

    from models.data.download import RemoteFile

    source, root, files = tmp_path / "source", tmp_path / "root", []
    source.mkdir()
    for original in mnist.FILES:
        data = original.name.encode()
        (source / original.name).write_bytes(data)
        files.append(RemoteFile(original.name, len(data), hashlib.sha256(data).hexdigest(), ()))
    entry = catalog.DatasetEntry("mnist", "", "", mnist.load, tuple(files))
    monkeypatch.setattr(catalog, "DATASETS", {"mnist": entry})
    assert cli.main(["fetch", "mnist", "--from", str(source), "--root", str(root)]) == 0
    assert sorted(p.name for p in (root / "mnist").iterdir()) == sorted(file.name for file in mnist.FILES)


def test_train_writes_what_it_was_told_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    output, results = tmp_path / "net.npz", tmp_path / "results"
    words = ["train", "digits-cnn", "--epochs", "1", "--seed", "3", "--validation", "98"]
    assert cli.main([*words, "--output", str(output), "--results", str(results)]) == 0
    assert cli.main(["evaluate", str(output)]) == 0
    assert "validation" in capsys.readouterr().out
    assert sorted(p.name for p in results.iterdir()) == ["curve.csv", "log.txt"]


def test_validate(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    assert cli.main(["validate", "digits-cnn", "--epochs", "1", "--folds", "2"]) == 0
    assert "of 898 correct" in capsys.readouterr().out


def test_importing_models_loads_nothing_heavy() -> None:
    program = "import sys, models; print([m for m in ('torch','pandas','matplotlib','joblib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_train_refuses_an_unwritable_place_before_it_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    monkeypatch.setattr("models.training.train.train", lambda *arguments: pytest.fail("it trained first"))
    (tmp_path / "file").write_text("in the way")
    assert cli.main(["train", "digits-cnn", "--output", str(tmp_path / "file" / "net.npz")]) == 2
    assert "cannot be written to" in capsys.readouterr().err
