"""Parameter lists of named cores as a SystemVerilog header: ``sv/cores.svh``, committed, and compared by a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hwsim.formats import parse
from hwsim.rtl.emit import core_parameters
from hwsim.rtl.sources import sv_folder

#: Name of the macro, then weights, activations, accumulator and product format (None: exact).
NAMED_CORES: dict[str, tuple[str, str, str, str | None]] = {
    "POW2_4": ("pow2<4>@2^0", "fixed<8,4>", "fixed<24,17>", None),
    "POW2_5": ("pow2<5>@2^0", "fixed<8,4>", "fixed<32,21>", None),
    "APOT_5": ("apot<5>@2^0", "fixed<8,4>", "fixed<24,15>", None),
    "SHIFTCNN_2_4": ("shiftcnn<2,4>@2^0", "fixed<8,4>", "fixed<24,13>", None),
    "INT8": ("int8@2^0", "int8@2^0", "fixed<24,24>", None),
    "INT8_4": ("int4@2^0", "int8@2^0", "fixed<24,24>", None),
    "INT16": ("int16@2^0", "int16@2^0", "fixed<40,40>", None),
    "FIXED_16": ("fixed<16,8>", "fixed<16,8>", "fixed<16,8>", "fixed<16,8>"),
    "E4M3_FP16": ("e4m3", "e4m3", "fp16", None),
    "FP16": ("fp16", "fp16", "fp16", "fp16"),
    "BF16_FP32": ("bf16", "bf16", "fp32", None),
    "FP32": ("fp32", "fp32", "fp32", "fp32"),
}


def cores_header() -> str:
    r"""Return the text of ``cores.svh``: a macro for each core, to be used as ``mac_core #(`CORE_INT8) core (...)``.

    >>> "`define CORE_INT8 \\" in cores_header()
    True
    """
    head = [
        "// Parameters of mac_core for named formats, emitted by hwsim.rtl.headers: do not edit, run write_header().",
        "//",
        "//   mac_core #(`CORE_INT8) core (.act(act), .weight(weight), .sum_in(sum_in), .sum_out(sum_out));",
        "`ifndef CORES_SVH",
        "`define CORES_SVH",
    ]
    return "\n".join([*head, *(line for name in NAMED_CORES for line in _macro(name)), "", "`endif"]) + "\n"


def write_header(path: Path | None = None) -> Path:
    """Write ``cores.svh`` and return where: into the package unless ``path`` is given."""
    target = sv_folder() / "cores.svh" if path is None else path
    target.write_text(cores_header())
    return target


def _macro(name: str) -> Iterator[str]:
    weights, acts, acc, product = NAMED_CORES[name]
    core = core_parameters(parse(weights), parse(acts), parse(acc), None if product is None else parse(product))
    yield ""
    yield f"// {weights} x {acts} -> {product or 'exact'} -> {acc}: {core.core}"
    yield f"`define CORE_{name} \\"
    items = [f".{key}({value})" for key, value in core.as_dict().items()]
    for start in range(0, len(items), 5):
        last = start + 5 >= len(items)
        yield f"  {', '.join(items[start : start + 5])}{'' if last else ', '}{'' if last else chr(92)}"
