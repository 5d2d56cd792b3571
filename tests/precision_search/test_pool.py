import os
import signal

import pytest
from fake_engine import FakeEngine

from precision_search.errors import RunnerError
from precision_search.evaluate import Bundle, Item, Outcome, evaluate
from precision_search.pool import run_bundles
from precision_search.runner import plan
from precision_search.space import Same, Space


def items(*formats: str) -> list[Bundle]:
    engine = FakeEngine(driver=os.getpid())
    space = Space("s", "net", (Same(formats),), ("2x2-ws",), ("t1",))
    return [(Item(engine, (task,)),) for task in plan(space, engine.open())]


def die(bundle: Bundle) -> tuple[Outcome, ...]:
    os.kill(os.getpid(), signal.SIGKILL)
    return evaluate(bundle)


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_each_item_comes_back_once(jobs: int) -> None:
    work = items("float<{1..9},{1..3}>")
    outcomes = list(run_bundles(work, jobs, evaluate))
    assert sorted(outcome.key for outcome in outcomes) == sorted(bundle[0].key for bundle in work)
    assert {outcome.numerics for outcome in outcomes} == {evaluate(bundle)[0].numerics for bundle in work}


def test_a_pool_that_cannot_live_is_given_up() -> None:
    with pytest.raises(RunnerError, match="died 5 times in a row"):
        list(run_bundles(items("float<{1..9},{1..9}>"), 2, die))


def test_nothing_to_do() -> None:
    assert list(run_bundles([], 2, evaluate)) == []


def test_an_abandoned_pool_can_be_used_again() -> None:
    stream = run_bundles(items("float<{1..9},{1..9}>"), 2, evaluate)
    next(stream)
    stream.close()
    assert len(list(run_bundles(items("float<1,{1..3}>"), 2, evaluate))) == 3
