"""Parameters from formats: what is emitted is what is committed, and what cannot be built is refused with a way out."""

from __future__ import annotations

import re

import pytest

from hwsim.formats import parse
from hwsim.rtl import CoreParameters, RtlError, core_faults, core_parameters, sv_folder
from hwsim.rtl.headers import NAMED_CORES, cores_header

PARAMETER = re.compile(r"parameter integer (\w+) = (-?\d+)")


def test_the_committed_header_is_the_emitted_one() -> None:
    assert (sv_folder() / "cores.svh").read_text() == cores_header()


def test_the_parameter_list_has_the_fields_of_core_parameters_in_their_order() -> None:
    text = (sv_folder() / "mac_parameters.svh").read_text().partition("`define MAC_PARAMETERS")[2]
    assert {name: int(value) for name, value in PARAMETER.findall(text)} == CoreParameters().as_dict()
    assert [name for name, _ in PARAMETER.findall(text)] == list(CoreParameters().as_dict())
    passed = re.findall(r"\.(\w+)\((\w+)\)", text)
    assert [name for name, _ in passed] == list(CoreParameters().as_dict())
    assert all(name == value for name, value in passed)


def test_every_parameter_is_explained() -> None:
    text = (sv_folder() / "mac_parameters.svh").read_text()
    explained = set(re.findall(r"^// ([A-Z_]+)  ", text, flags=re.MULTILINE))
    for name in CoreParameters().as_dict():
        general = re.sub(r"^(ACT|WEIGHT|PRODUCT|ACC)_", "X_", name)
        assert name in explained or general in explained, name


@pytest.mark.parametrize(
    ("formats", "expected"),
    [
        (("pow2<4>@2^-2", "fixed<8,4>", "fixed<24,12>", None), {"KIND": 0, "SHIFTS": 4, "ALIGN": -3 - 2 - 4 + 12}),
        (("apot<3>@2^0", "fixed<8,4>", "fixed<24,12>", None), {"KIND": 0, "SHIFTS": 3, "ALIGN": -2 - 4 + 12}),
        (("apot<6>@2^0", "ufixed<8,4>", "fixed<24,12>", None), {"KIND": 1, "TERMS": 3, "ACT_SIGNED": 0}),
        (("shiftcnn<2,4>@2^0", "fixed<8,4>", "fixed<24,12,wrap>", None), {"KIND": 1, "TERM_BITS": 4, "SATURATE": 0}),
        (
            ("int8@2^-4", "fixed<8,4>", "fixed<16,10,rtz>", "fixed<12,8,rhu>"),
            {"KIND": 2, "PRODUCT_ALIGN": -4, "ALIGN": -4 + 6, "PRODUCT_ROUND": 3, "ROUND": 1, "PRODUCT_BITS": 12},
        ),
        (("e4m3@2^-3", "fp16", "fp32", None), {"KIND": 3, "WEIGHT_BIAS": 10, "WEIGHT_SPECIALS": 2, "ACC_SPECIALS": 1}),
        (("pow2<4>@2^5", "fp16", "fp32", None), {"KIND": 3, "WEIGHT_BIAS": -5, "SHIFTS": 4}),
        (("int8@2^-3", "int8@2^2", "fp32", None), {"KIND": 3, "WEIGHT_BIAS": 3, "ACT_BIAS": -2}),
    ],
)  # fmt: skip
def test_parameters_follow_from_the_formats(
    formats: tuple[str, str, str, str | None], expected: dict[str, int]
) -> None:
    found = core_parameters(*(None if text is None else parse(text) for text in formats)).as_dict()  # type: ignore[arg-type]
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("formats", "words"),
    [
        (("pow2<4>@2^0", "fixed<8,4>", "fixed<24,12,sr>"), ["acc", "fixed<24,12,sr>", "random numbers", "rne"]),
        (("pow2<4>", "fixed<8,4>", "fixed<24,12>"), ["weights", "pow2<4>", "no scale", "@2^k"]),
        (("mx<e4m3>", "fp16", "fp32"), ["weights", "mxfp8e4m3", "scale per block", "e4m3@2^k"]),
        (("codebook<2,int8@2^0>{0;1}", "fixed<8,4>", "fixed<24,12>"), ["codebook", "table", "int8@2^0"]),
        (("int8@2^0", "pow2<4>@2^0", "fixed<24,12>"), ["acts", "pow2<4>@2^0", "int<W>@2^k"]),
        (("fp16", "fp16", "fixed<24,12>"), ["acc", "fixed<24,12>", "floating point", "float<E,M>"]),
        (("apot<5>@2^0", "fp16", "fp32"), ["weights", "apot<5>@2^0", "pow2<B>"]),
        (("int8@2^0", "int8@2^0", "pow2<4>@2^0"), ["acc", "pow2<4>@2^0", "fixed<W,I>"]),
    ],
)
def test_what_cannot_be_built_is_refused_with_a_way_out(formats: tuple[str, str, str], words: list[str]) -> None:
    with pytest.raises(RtlError) as refused:
        core_parameters(*map(parse, formats))
    assert all(word in str(refused.value) for word in words), str(refused.value)


def test_a_product_of_another_kind_is_refused() -> None:
    with pytest.raises(RtlError, match="differ in kind"):
        core_parameters(parse("int8@2^0"), parse("int8@2^0"), parse("fixed<24,24>"), parse("fp16"))


def test_all_faults_come_at_once() -> None:
    faults = core_faults(parse("pow2<4>"), parse("pow2<4>@2^0"), parse("fixed<24,12,sr>"))
    assert [fault.split(":")[0] for fault in faults] == ["weights", "acts", "acc"]


def test_named_cores_cover_every_kind() -> None:
    kinds = {core_parameters(*(t and parse(t) for t in formats)).kind for formats in NAMED_CORES.values()}  # type: ignore[arg-type]
    assert kinds == {0, 1, 2, 3}
