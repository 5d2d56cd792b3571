"""The slow, obvious twin of the simulators: one gate at a time, dictionaries, a sorted list of events.

Shares the reader and the static timing (slews and loads) with the package, and none of truth tables, slots or kernels.
"""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np

from hwsim.gates import Library, Netlist, Timing
from hwsim.gates.cells import Sense
from hwsim.gates.stimulus import Ports, to_bits

Values = dict[str, bool]

FUNCTIONS = {
    ("INV", "Y"): lambda v: not v["A"],
    ("BUF", "Y"): lambda v: v["A"],
    ("NAND2", "Y"): lambda v: not (v["A"] and v["B"]),
    ("NOR2", "Y"): lambda v: not (v["A"] or v["B"]),
    ("AND2", "Y"): lambda v: v["A"] and v["B"],
    ("OR2", "Y"): lambda v: v["A"] or v["B"],
    ("AOI21", "Y"): lambda v: not ((v["A"] and v["B"]) or v["C"]),
    ("XOR2", "Y"): lambda v: v["A"] != v["B"],
    ("MUX2", "Y"): lambda v: v["B"] if v["S"] else v["A"],
    ("HA", "CO"): lambda v: v["A"] and v["B"],
    ("HA", "S"): lambda v: v["A"] != v["B"],
    ("FA", "CO"): lambda v: v["A"] + v["B"] + v["CI"] >= 2,
    ("FA", "S"): lambda v: (v["A"] + v["B"] + v["CI"]) % 2 == 1,
    ("DFF", "Q"): lambda v: v["IQ"],
    ("DFF", "QN"): lambda v: not v["IQ"],
    ("DFFR", "Q"): lambda v: v["IQ"],
    ("DFFR", "QN"): lambda v: not v["IQ"],
}


class SlowGates:
    """One netlist being simulated."""

    def __init__(
        self, netlist: Netlist, library: Library, timing: Timing, stimulus: np.ndarray, nets: np.ndarray
    ) -> None:
        self.n, self.library, self.timing = netlist, library, timing
        self.stimulus, self.ports = stimulus, [int(net) for net in nets]
        self.values = [False] * netlist.nets
        self.values[1] = True
        self.stored = [False] * netlist.cells
        self.now = 0
        self.toggles = [0] * netlist.nets
        self.energy = dict.fromkeys(("gate", "gate net", "register", "register net", "clock", "input net"), 0.0)
        self.registers = [c for c in range(netlist.cells) if self.kind(c).startswith("DFF")]
        self.readers: list[list[tuple[int, str]]] = [[] for _ in range(netlist.nets)]
        for cell in range(netlist.cells):
            for pin, net in self.inputs(cell).items():
                if pin != "CK":
                    self.readers[net].append((cell, pin))

    def kind(self, cell: int) -> str:
        return self.n.model(cell).cell.name

    def inputs(self, cell: int) -> dict[str, int]:
        return dict(zip(self.n.model(cell).inputs, map(int, self.n.cell_inputs(cell)), strict=True))

    def outputs(self, cell: int) -> dict[str, int]:
        return dict(zip(self.n.model(cell).outputs, map(int, self.n.cell_outputs(cell)), strict=True))

    def state(self, cell: int) -> Values:
        values = {pin: self.values[net] for pin, net in self.inputs(cell).items()}
        if cell in self.registers:
            values["IQ"] = self.stored[cell]
        return values

    def wanted(self, cell: int, pin: str, values: Values) -> bool:
        return bool(FUNCTIONS[self.kind(cell), pin](values))

    def everything(self, cell: int, values: Values) -> dict[str, np.ndarray]:
        known = dict(values)
        known |= {pin: self.wanted(cell, pin, values) for pin in self.outputs(cell)}
        return {pin: np.array([value]) for pin, value in known.items()}

    def matching(self, cell: int, entries: list[Any], values: Values, strict: bool) -> list[Any]:
        """Entries whose condition holds, else unconditional ones, else all (nothing if strict)."""
        known = self.everything(cell, values)
        held = [e for e in entries if e.when is not None and e.when.evaluate(known)[0]]
        held = held or [e for e in entries if e.when is None]
        return held or ([] if strict else entries)

    def half_cv2(self, net: int) -> float:
        load = (self.timing.loads.rising[net] + self.timing.loads.falling[net]) / 2
        return 0.5 * load * self.library.voltage_v**2 / 1000

    def slew(self, cell: int, pin: str, rises: bool) -> float:
        return float(self.timing.slew_ns[self.inputs(cell)[pin], int(rises)])

    def load(self, net: int, rises: bool) -> float:
        return float((self.timing.loads.rising if rises else self.timing.loads.falling)[net])

    def pin_energy(self, cell: int, pin: str, values: Values) -> float:
        rises = values[pin]
        entries = [p for p in self.n.model(cell).cell.pins[pin].power if (p.rise if rises else p.fall) is not None]
        held = self.matching(cell, entries, values, strict=True)
        found = [(p.rise if rises else p.fall).lookup(self.slew(cell, pin, rises), 0.0) for p in held]
        return sum(found) / len(found) if found else 0.0

    def output_energy(self, cell: int, out: str, pin: str, values: Values) -> float:
        rises, net = self.wanted(cell, out, values), self.outputs(cell)[out]
        entries = [p for p in self.n.model(cell).cell.pins[out].power if pin in p.related]
        held = self.matching(cell, entries, values, strict=False)
        slew, load = self.slew(cell, pin, values[pin]), self.load(net, rises)
        found = [(p.rise if rises else p.fall).lookup(slew, load) for p in held]
        return sum(found) / len(found) if found else 0.0

    def delay(self, cell: int, out: str, pin: str, values: Values) -> int:
        rises, net = self.wanted(cell, out, values), self.outputs(cell)[out]
        arcs = [a for a in self.n.model(cell).cell.pins[out].timing if a.related == pin]
        wrong = Sense.NEGATIVE if rises == values[pin] else Sense.POSITIVE
        arcs = [a for a in arcs if a.sense is not wrong] or arcs
        held = self.matching(cell, arcs, values, strict=False)
        slew, load = self.slew(cell, pin, values[pin]), self.load(net, rises)
        found = [(a.rise if rises else a.fall)[0].lookup(slew, load) for a in held]
        return max(1, round(max(found) * 1e6))

    def move(self, cell: int, out: str, pin: str, values: Values) -> int:
        net = self.outputs(cell)[out]
        self.values[net] = not self.values[net]
        self.toggles[net] += 1
        name = "register" if cell in self.registers else "gate"
        self.energy[name] += self.output_energy(cell, out, pin, values)
        self.energy[f"{name} net"] += self.half_cv2(net)
        return net

    def clock(self, level: bool) -> None:
        self.values[self.n.clock_net] = level
        self.toggles[self.n.clock_net] += 1
        self.energy["clock"] += self.half_cv2(self.n.clock_net)
        for cell in self.registers:
            self.energy["clock"] += self.pin_energy(cell, "CK", self.state(cell))

    def sampled(self) -> dict[int, bool]:
        return {c: self.state(c)["D"] and self.state(c).get("RN", True) for c in self.registers}

    def settle(self) -> None:
        """Evaluate again and again until nothing moves; nothing is counted."""
        moved = True
        while moved:
            moved = False
            for cell in range(self.n.cells):
                if cell in self.registers and not self.state(cell).get("RN", True):
                    self.stored[cell] = False
                for out, net in self.outputs(cell).items():
                    if self.values[net] != self.wanted(cell, out, self.state(cell)):
                        self.values[net] = not self.values[net]
                        moved = True

    def start(self) -> None:
        for place, net in enumerate(self.ports):
            self.values[net] = bool(self.stimulus[0, place])
        self.settle()

    def read(self) -> list[int]:
        return [int(self.values[net]) for nets in self.n.outputs.values() for net in nets]

    def zero_delay(self) -> list[list[int]]:
        """Every net moves at most once a cycle (without resets); what moved is found by comparing before and after."""
        self.start()
        rows = [self.read()]
        for cycle in range(1, len(self.stimulus)):
            taken = self.sampled()
            if self.registers:
                self.clock(True)
            before = list(self.values)
            for cell, bit in taken.items():
                self.stored[cell] = bit
            for place, net in enumerate(self.ports):
                self.values[net] = bool(self.stimulus[cycle, place])
            self.settle()
            self.count({net for net in range(self.n.nets) if before[net] != self.values[net]})
            if self.registers:
                self.clock(False)
            rows.append(self.read())
        return rows

    def count(self, moved: set[int]) -> None:
        """Count one move of each of these nets, and its energy; the last input to arrive is the cause."""
        for net in moved:
            self.toggles[net] += 1
        self.energy["input net"] += sum(self.half_cv2(net) for net in moved.intersection(self.ports))
        for cell in range(self.n.cells):
            values = self.state(cell)
            name = "register" if cell in self.registers else "gate"
            pins = {pin: net for pin, net in self.inputs(cell).items() if net in moved}
            self.energy[name] += sum(self.pin_energy(cell, pin, values) for pin in pins)
            for out, net in self.outputs(cell).items():
                if net in moved:
                    cause = "CK" if name == "register" else max(pins, key=lambda pin: self.arrival(pins[pin]))
                    self.energy[name] += self.output_energy(cell, out, cause, values)
                    self.energy[f"{name} net"] += self.half_cv2(net)

    def arrival(self, net: int) -> tuple[float, int]:
        return float(self.timing.arrival_ns[net].max()), net

    def events(self, half: int, arrival: int) -> list[list[int]]:
        """Inertial delays, one event after the other."""
        self.start()
        rows = [self.read()]
        for cycle in range(1, len(self.stimulus)):
            self.one_cycle(self.stimulus[cycle], half, arrival)
            rows.append(self.read())
        return rows

    def one_cycle(self, row: np.ndarray, half: int, arrival: int) -> None:
        queue: list[tuple[int, int, str, Any]] = []
        waiting: dict[tuple[int, str], int] = {}
        count = 0

        def put(time: int, what: str, data: Any) -> int:
            nonlocal count
            count += 1
            heapq.heappush(queue, (time, count, what, data))
            return count

        def ask(now: int, cell: int, pin: str) -> None:
            values = self.state(cell)
            for out, net in self.outputs(cell).items():
                moves = self.values[net] != self.wanted(cell, out, values)
                if (cell, out) in waiting and not moves:
                    del waiting[cell, out]
                elif moves and (cell, out) not in waiting:
                    waiting[cell, out] = put(now + self.delay(cell, out, pin, values), "move", (cell, out, pin, values))

        def tell(now: int, net: int) -> None:
            for cell, pin in self.readers[net]:
                name = "register" if cell in self.registers else "gate"
                self.energy[name] += self.pin_energy(cell, pin, self.state(cell))
                if cell not in self.registers:
                    ask(now, cell, pin)
                elif not self.state(cell).get("RN", True) and self.stored[cell]:
                    self.stored[cell] = False
                    ask(now, cell, pin)

        for place, net in enumerate(self.ports):
            if self.values[net] != bool(row[place]):
                put(arrival, "port", net)
        if self.registers:
            put(half, "clock", None)
            taken = self.sampled()
            self.clock(True)
            for cell in reversed(self.registers):
                if self.stored[cell] != taken[cell]:
                    self.stored[cell] = taken[cell]
                    ask(0, cell, "CK")
        while queue:
            now, number, what, data = heapq.heappop(queue)
            self.now = now
            if what == "clock":
                self.clock(False)
            elif what == "port":
                self.values[data] = not self.values[data]
                self.toggles[data] += 1
                self.energy["input net"] += self.half_cv2(data)
                tell(now, data)
            elif waiting.get(data[:2]) == number:
                del waiting[data[:2]]
                tell(now, self.move(*data))


def slow_twin(netlist: Netlist, library: Library, timing: Timing, inputs: Ports) -> SlowGates:
    nets, bits = to_bits(netlist, inputs)
    return SlowGates(netlist, library, timing, bits, nets)
