"""Studies: questions about the methods, answered by a run that writes tables, pictures and where they come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from hwsim.errors import unknown_name
from models.compression.errors import CompressionError
from models.compression.studies.tables import THREADS
from models.provenance import code_version, is_dirty
from models.training.settings import torch_settings

Report = Callable[[str], None]
Run = Callable[[Path, Path | None, Report], None]

_HERE = "models.compression.studies"


@dataclass(frozen=True)
class Study:
    """A study by name.

    Attributes:
        module: Where it is: a module with ``run(folder: Path, root: Path | None, report: Callable[[str], None])``,
            which writes everything into ``folder`` and takes data from ``root`` (None: the usual place).
        question: One line.
    """

    module: str
    question: str

    def run(self, folder: Path, root: Path | None, report: Report) -> None:
        """Run it under one setting of torch.

        A checkout with changes is reported: nobody can check out what makes the rows, and they are not kept.

        Raises:
            HwsimError: what the study needs is missing.
        """
        if is_dirty(code_version()):
            report(f"warning: {code_version()}: changes that are in no commit take part; commit them for rows to keep")
        function: Run = import_module(self.module).run
        with torch_settings(THREADS):
            function(folder, root, report)


STUDIES: Mapping[str, Study] = MappingProxyType(
    {
        "ecsq-convergence": Study(
            f"{_HERE}.ecsq_convergence", "How fast does iterative ECSQ converge, and what does a pass cost?"
        ),
        "hessian-methods": Study(
            f"{_HERE}.hessian_methods", "Does Adam's second moment stand in for the Hessian, across data sets?"
        ),
        "hessian-offdiagonal": Study(
            f"{_HERE}.hessian_offdiagonal", "How much is lost by ignoring the off-diagonal terms of the Hessian?"
        ),
        "hessian-samples": Study(
            f"{_HERE}.hessian_samples",
            "How many images does the diagonal of the Hessian need, and does its floor matter?",
        ),
        "inq-partition": Study(
            f"{_HERE}.inq_partition", "What do the bits of INQ cost, and must the largest weights go first?"
        ),
        "inq-schedule": Study(
            f"{_HERE}.inq_schedule", "How is the splitting ratio of INQ chosen, and what does it cost in epochs?"
        ),
        "lowrank-lenet5": Study(
            f"{_HERE}.lowrank_lenet5", "What does the nuclear norm add to plain truncation, in parameters and cycles?"
        ),
        "orthoreg": Study(f"{_HERE}.orthoreg", "Does OrthoReg help with little data, and what does it do to filters?"),
        "pruning-lenet5": Study(
            f"{_HERE}.pruning_lenet5", "How much of LeNet-5 can go, by which schedule, for the same number of epochs?"
        ),
        "quantizers-pruned": Study(
            f"{_HERE}.quantizers_pruned", "Which of the four quantisers is best on pruned LeNet-5, and why?"
        ),
        "quantizer-sweep": Study(
            f"{_HERE}.quantizer_sweep", "Layer by layer or all layers at once, and how sensitive to k and to lambda?"
        ),
    }
)
"""One line per study; ``f"{_HERE}.name"`` is its module."""


def study(name: str, studies: Mapping[str, Study] = STUDIES) -> Study:
    """Return a study.

    Raises:
        CompressionError: for an unknown name, with the nearest ones.
    """
    if name not in studies:
        raise CompressionError(unknown_name("study", name, studies))
    return studies[name]
