"""What a comparison found, and the page that is made of it."""

from __future__ import annotations

import pytest

from hwsim.validation.document import right, wrong
from hwsim.validation.findings import Finding, errors_of, percent
from hwsim.validation.page import Section, Table, markdown, markdown_table, summary
from hwsim.validation.records import RecordError


def test_errors_are_signed_and_relative() -> None:
    assert errors_of([0.0, 3.0], [0.0, 2.0]) == (0.0, 0.5)
    with pytest.raises(RecordError, match="measurement is 0"):
        errors_of([1.0], [0.0])
    with pytest.raises(RecordError, match="2 predictions for 1"):
        errors_of([1.0, 2.0], [1.0])


def test_a_goal_is_reached_or_it_is_not() -> None:
    near = Finding("area", "gates", (0.03, -0.05), 0.05, "close")
    assert near.reached
    assert near.rms == pytest.approx(0.0412, abs=1e-4)
    assert near.worst == -0.05
    assert near.bias == pytest.approx(-0.01)
    assert Finding("area", "gates", (0.2,), 0.05, "").reached is False
    assert Finding("area", "gates", (0.2,), None, "").reached is None
    assert Finding("cycles", "RTL", (0.0, 1e-9), 0, "").reached is False, "exact means exact"


def test_the_summary_says_what_is_broken() -> None:
    table = summary([Finding("cycles", "RTL", (0.0, 0.1), 0, "equal")])
    assert table.rows[0][-1] == "**no**"
    assert table.rows[0][-2] == "exact"


def test_right_and_wrong_share_the_findings_between_them() -> None:
    findings = [
        Finding("cycles", "RTL", (0.0,), 0, "equal"),
        Finding("area", "gates", (0.2,), 0.05, "too far"),
        Finding("power", "a chip", (-0.5,), None, "another chip"),
    ]
    assert right(findings) == "* **cycles against RTL**, equal in all 1 comparisons: equal."
    assert "short of the goal of 5.0 % rms: too far" in wrong(findings)
    assert wrong([Finding("cycles", "RTL", (0.5,), 0, "late")]).endswith("which has to be exact: late.")
    assert "mean -50 %" in wrong(findings)


def test_numbers_are_set_flush_right() -> None:
    text = markdown_table(Table(("name", "n"), (("3x5-ws", "+1.5 %"), ("x", "-"))))
    assert text.splitlines()[1] == "| --- | ---: |"
    assert markdown(Section("Title", ("text",))) == "### Title\n\ntext"


def test_percent_has_three_digits_at_most() -> None:
    assert [percent(value) for value in (0.0999, 0.0994, 12.345, 0.0)] == ["10 %", "9.9 %", "1234 %", "0"]
