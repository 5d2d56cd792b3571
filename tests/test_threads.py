"""Threads change the time, never the answer, and a BLAS does not multiply them."""

from __future__ import annotations

import json

import pytest

from hwsim.cli import main
from hwsim.network import threads


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    assert main(["run", "digits-cnn", "--all", "fixed<8,4>", "--images", "600", "--json", *words]) == 0
    found = json.loads(capsys.readouterr().out)
    return {key: value for key, value in found.items() if "wall" not in key}


def test_the_command_line_gives_the_same_answer_for_any_number_of_threads(capsys: pytest.CaptureFixture[str]) -> None:
    one = answer(capsys, "--threads", "1")
    assert answer(capsys, "--threads", "3") == one
    assert answer(capsys) == one


def test_no_threads_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "digits-cnn", "--all", "fp16", "--images", "2", "--threads", "0"]) == 2
    assert "threads = 0" in capsys.readouterr().err


def test_cores_are_counted() -> None:
    assert threads.usable_cores() >= 1


def test_a_blas_keeps_to_one_thread_and_gets_the_others_back() -> None:
    threadpoolctl = pytest.importorskip("threadpoolctl")

    def counts() -> list[int]:
        return [each["num_threads"] for each in threadpoolctl.threadpool_info() if each["user_api"] == "blas"]

    before = counts()
    with threads.blas_single_threaded():
        assert set(counts()) <= {1}
    assert counts() == before


def test_threads_work_without_threadpoolctl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "find_spec", lambda name: None)
    threads._controller.cache_clear()
    with threads.blas_single_threaded():
        pass
    threads._controller.cache_clear()
