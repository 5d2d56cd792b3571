"""The whole page: every comparison, a summary, where the model is right and where not, how to read and redo it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hwsim import __version__
from hwsim.cost import table_names
from hwsim.validation.elements import element_section, synthesised_tables
from hwsim.validation.eyeriss import eyeriss_section
from hwsim.validation.findings import Finding, percent
from hwsim.validation.fixed_area import fixed_area_section
from hwsim.validation.layers import layer_section
from hwsim.validation.memories import memory_section
from hwsim.validation.page import Section, markdown, markdown_table, summary
from hwsim.validation.pictures import element_file, layer_file
from hwsim.validation.published import published_section
from hwsim.validation.records import load_record, record_names
from hwsim.validation.sensitivity import sensitivity_section
from hwsim.validation.timing import rtl_section, scalesim_section, stepper_section
from hwsim.validation.waits import waits_section

TEXTS = Path(__file__).parent / "text"


def prose(name: str) -> str:
    """Return a part of the page that no measurement changes."""
    return (TEXTS / f"{name}.md").read_text(encoding="utf-8").rstrip()


def sections() -> list[Section]:
    """Return every comparison, in the order of the page."""
    synthesised = synthesised_tables()
    found = [rtl_section(), stepper_section(), waits_section(), scalesim_section()]
    if synthesised:
        elements = _pictured(element_section(synthesised), [element_file(name) for name in synthesised])
        found += [elements, *_fed_sections(synthesised), fixed_area_section(synthesised)]
    published = [published_section(synthesised), eyeriss_section()]
    priced = [name for name in table_names() if name != "unit"]
    return [*found, memory_section(), *published, sensitivity_section(priced)]


def _fed_sections(tables: Sequence[str]) -> list[Section]:
    """Return a section for every record of layers fed to the elements of one of ``tables``."""
    records = [load_record(name) for name in record_names() if name.startswith("energy_")]
    shown = [record for record in records if record.provenance["table"] in tables]
    return [_pictured(layer_section(record), [layer_file(record.provenance["table"])]) for record in shown]


def _pictured(section: Section, files: Sequence[str]) -> Section:
    pictures = tuple(f"![{section.title}](pictures/{file})" for file in files)
    return replace(section, blocks=(*section.blocks, *pictures))


def document(parts: Sequence[Section] | None = None) -> str:
    """Return the page as Markdown. The same sources give the same text."""
    shown = list(sections() if parts is None else parts)
    findings = [finding for section in shown for finding in section.findings]
    blocks = [
        prose("header"),
        markdown_table(summary(findings)),
        "## Measured against predicted",
        *(markdown(section) for section in shown),
        "## Where the model is right",
        right(findings),
        "## Where it is wrong, and by how much",
        wrong(findings),
        "## How to read these numbers",
        prose("reading"),
        "## Reproducing",
        prose("reproducing"),
        _stamps(shown),
    ]
    return "\n\n".join(blocks) + "\n"


def right(findings: Sequence[Finding]) -> str:
    """Return the list of what reaches its goal."""
    kept = [finding for finding in findings if finding.reached]
    return "\n".join(f"* **{_title(f)}**, {_size(f)}: {f.remark}." for f in kept) or "* Nothing reaches its goal."


def wrong(findings: Sequence[Finding]) -> str:
    """Return the list of what misses its goal, then of what has none."""
    missed = [f"* **{_title(f)}**, {_size(f)}, {_short_of(f)}: {f.remark}." for f in findings if f.reached is False]
    other = [f"* **{_title(f)}**, {_size(f)}: {f.remark}." for f in findings if f.reached is None]
    parts = (("Short of its goal:", missed), ("Where no goal was set, how far it is:", other))
    return "\n\n".join(f"{title}\n\n" + "\n".join(lines) for title, lines in parts if lines)


def _title(finding: Finding) -> str:
    return f"{finding.quantity} against {finding.against}"


def _size(finding: Finding) -> str:
    if finding.exact and finding.reached:
        return f"equal in all {finding.points} comparisons"
    ends = f"mean {percent(finding.bias, True)}, worst {percent(finding.worst, True)}"
    return (
        f"{ends} over {finding.points}"
        if finding.goal is None
        else f"{percent(finding.rms)} rms over {finding.points}, worst {percent(finding.worst, True)}"
    )


def _short_of(finding: Finding) -> str:
    return "which has to be exact" if finding.exact else f"short of the goal of {percent(finding.goal or 0.0)} rms"


def _stamps(parts: Sequence[Section]) -> str:
    stamps = dict(stamp for section in parts for stamp in section.stamps)
    listed = ", ".join(f"{what} `{value}`" for what, value in stamps.items())
    return f"Written with hwsim {__version__}; first digits of the SHA-256 of each source: {listed}."
