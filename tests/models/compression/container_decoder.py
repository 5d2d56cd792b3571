"""A decoder of compressed files written from docs/compression-file.md alone: slow, and without its code."""

from __future__ import annotations

import struct
import zlib
from collections import defaultdict
from decimal import Decimal, getcontext
from fractions import Fraction
from functools import cache

import numpy as np

from hwsim.network import Layer, Network, op_from_dict

FLOATS, GRID, OWN, SHARED = range(4)
ANY, FORM, COUNT, FIRST, DELTA, LENGTH, KIND = range(7)


@cache
def squash(logit: int) -> int:
    getcontext().prec = 40
    share = 65536 / (1 + (Decimal(-logit) / 256).exp())
    return min(65535, max(1, int(share.to_integral_value())))


@cache
def stretch(share: int) -> int:
    low, high = -3072, 3072
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if squash(middle) >= share else (middle + 1, high)
    return low


def clip(share: int) -> int:
    return min(65535, max(1, share))


def ratio(count: int, total: int, prior: int, strength: int) -> int:
    return clip((count * 65536 + strength * prior) // (total + strength))


class Slot:
    """An adaptive probability in 22 bits."""

    def __init__(self) -> None:
        self.chance, self.count = 1 << 21, 0

    def learn(self, bit: int) -> None:
        self.chance += (bit * (1 << 22) - self.chance) // (self.count + 2)
        self.count = min(1023, self.count + 1)


class Mixer:
    def __init__(self, given: int, slots: int, weights: list[int]) -> None:
        self.given, self.weights = given, weights
        self.slots: list[dict[object, Slot]] = [defaultdict(Slot) for _ in range(slots)]


class RangeDecoder:
    """The interval is kept as one big number: no carries, no bytes."""

    def __init__(self, data: bytes) -> None:
        self.data, self.low, self.range, self.shifts = data, 0, (1 << 32) - 1, 0
        self.number = int.from_bytes(data[:4].ljust(4, b"\0"), "big")

    def bit(self, share: int) -> int:
        bound = self.range * share >> 16
        one = self.number < self.low + bound
        if one:
            self.range = bound
        else:
            self.low, self.range = self.low + bound, self.range - bound
        while self.range < 1 << 24:
            at = 4 + self.shifts
            self.range, self.low, self.shifts = self.range << 8, self.low << 8, self.shifts + 1
            self.number = self.number << 8 | (self.data[at] if at < len(self.data) else 0)
        return int(one)


class RangeEncoder:
    """The twin of the kernel's encoder, with the interval as one big number."""

    def __init__(self) -> None:
        self.low, self.range, self.shifts = 0, (1 << 32) - 1, 0

    def bit(self, share: int, bit: int) -> None:
        bound = self.range * share >> 16
        if bit:
            self.range = bound
        else:
            self.low, self.range = self.low + bound, self.range - bound
        while self.range < 1 << 24:
            self.range, self.low, self.shifts = self.range << 8, self.low << 8, self.shifts + 1

    def finish(self) -> bytes:
        zeros = max(z for z in range(33) if -(-self.low // 2**z) * 2**z < self.low + self.range)
        number = -(-self.low // 2**zeros) * 2**zeros
        return number.to_bytes(self.shifts + 4, "big").rstrip(b"\0")


class Arithmetic:
    def __init__(self, data: bytes) -> None:
        self.coder = RangeDecoder(data)
        self.contexts: dict[object, dict[object, Slot]] = defaultdict(lambda: defaultdict(Slot))

    def adaptive(self, slot: Slot) -> int:
        bit = self.coder.bit(clip(slot.chance >> 6))
        slot.learn(bit)
        return bit

    def mixed(
        self, mixer: Mixer, given: list[int], keys: list[object], weights: list[int], first: int, rate: int
    ) -> int:
        slots = [own[key] for own, key in zip(mixer.slots, keys, strict=True)]
        for slot in slots:
            if slot.count == 0:
                slot.chance = first << 6
        inputs = given + [stretch(clip(slot.chance >> 6)) for slot in slots]
        logit = sum(w * x for w, x in zip(weights, inputs, strict=True)) >> 16
        share = squash(min(3072, max(-3072, logit)))
        bit = self.coder.bit(share)
        error = bit * 65536 - share
        for place, x in enumerate(inputs):
            weights[place] += (x * error * rate + (1 << 19)) >> 20
        for slot in slots:
            slot.learn(bit)
        return bit

    def even(self, width: int) -> int:
        found = 0
        for _ in range(width):
            found = 2 * found + self.coder.bit(32768)
        return found

    def golomb(self, slots: dict[object, Slot]) -> int:
        length = 0
        while self.adaptive(slots["more", length]):
            length += 1
        found = 1
        for place in range(length):
            found = 2 * found + (self.adaptive(slots[length, found]) if place < 3 else self.even(1))
        return found - 1

    def integer(self, context: int = ANY) -> int:
        return self.golomb(self.contexts[context])

    def text(self, count: int) -> bytes:
        mixer = Mixer(0, 3, [26214] * 3)
        text = b""
        for _ in range(count):
            one, two = ([0, 0, *text])[-1], ([0, 0, *text])[-2]
            node = 1
            for _ in range(8):
                keys: list[object] = [node, (one, node), (two * 181 + one) % 256 * 256 + node]
                node = 2 * node + self.mixed(mixer, [], keys, mixer.weights, 32768, 64)
            text += bytes([node - 256])
        return text

    def mask(self, rows: int, columns: int, area: int, width: int) -> np.ndarray:
        kind = self.integer(KIND)
        mask = np.zeros((rows, columns), int)
        if kind < 2:
            return mask + kind
        live_rows, live_columns = [1] * rows, [1] * columns
        if kind == 4:
            live_rows, live_columns = self.live(rows), self.live(columns)
        own = [row for row in range(rows) if live_rows[row]]
        mixer = Mixer(6, 2, [])
        start = [-45875, 9830, 13107, 13107, 26214, 26214, 13107, 6554]
        weights = [list(start) for _ in range(4)]
        seen = 0
        for rows_seen, row in enumerate(own):
            for column in range(columns):
                if not live_columns[column]:
                    continue
                group, place = divmod(column, area)
                y, x = divmod(place, width)
                left, up, up_left, up_right = (
                    near(mask[row], group, area, width, y + dy, x + dx)
                    for dy, dx in ((0, -1), (-1, 0), (-1, -1), (-1, 1))
                )
                group_before = int(mask[row, column - area]) if group else 0
                row_before = int(mask[row - 1, column]) if row else 0
                overall = clip((5 * int(mask.sum()) + 2) * 65536 // (5 * seen + 10))
                columns_seen = sum(live_columns[:column])
                row_share = ratio(int(mask[row].sum()), columns_seen, overall, 16)
                of_place = mask[row].reshape(-1, area).sum(0)
                of_column = mask.reshape(rows, -1, area)[:, group].sum(0)
                given = [
                    stretch(overall),
                    stretch(row_share),
                    stretch(ratio(int(of_column[place]), rows_seen, overall, 16)),
                    stretch(ratio(int(of_place[place]), group, row_share, 16)),
                    stretch(ratio(*around(of_place, y, x, area, width, group), row_share, 16)),
                    stretch(ratio(*around(of_column, y, x, area, width, rows_seen), overall, 16)),
                ]
                keys: list[object] = [(left, up, up_left, up_right, group_before), (row_before, group_before, left, up)]
                rate = max(2, 24 * 4096 // (4096 + seen))
                mask[row, column] = self.mixed(mixer, given, keys, weights[left + up + group_before], overall, rate)
                seen += 1
        return mask

    def live(self, count: int) -> list[int]:
        slots, found = [Slot(), Slot()], [1]
        for _ in range(count):
            found.append(self.adaptive(slots[found[-1]]))
        return found[1:]

    def codes(self, mask: np.ndarray, area: int, width: int, alphabet: tuple[int, int]) -> np.ndarray:
        steps = (24, 3, 0)[self.even(2)]
        signs = self.signs(mask, area, width)
        return signs * self.ranks(signs, area, width, steps)

    def signs(self, mask: np.ndarray, area: int, width: int) -> np.ndarray:
        signs = np.zeros(mask.shape, int)
        mixer, weights, last = Mixer(5, 3, []), [13107] * 8, 0
        for seen, (row, column) in enumerate(np.argwhere(mask)):
            group, place = divmod(int(column), area)
            y, x = divmod(place, width)
            left = near(signs[row], group, area, width, y, x - 1)
            up = near(signs[row], group, area, width, y - 1, x)
            overall = clip((int((signs > 0).sum()) + 1) * 65536 // (seen + 2))
            plus = (signs[row] > 0).reshape(-1, area).sum(0)
            every = (signs[row] != 0).reshape(-1, area).sum(0)
            above = signs[:row, column]
            near_plus, near_every = around(plus, y, x, area, width, 0)[0], around(every, y, x, area, width, 0)[0]
            given = [
                stretch(overall),
                stretch(ratio(int((above > 0).sum()), int((above != 0).sum()), overall, 2)),
                stretch(ratio(int(plus.sum()), int(every.sum()), overall, 2)),
                stretch(ratio(int(plus[place]), int(every[place]), overall, 2)),
                stretch(ratio(near_plus, near_every, overall, 2)),
            ]
            group_before = int(signs[row, column - area]) if group else 0
            row_before = int(signs[row - 1, column]) if row else 0
            keys: list[object] = [(left, up), (group_before, row_before), last]
            rate = max(8, 160 * 1024 // (1024 + seen))
            last = self.mixed(mixer, given, keys, weights, overall, rate)
            signs[row, column] = 2 * last - 1
        return signs

    def ranks(self, signs: np.ndarray, area: int, width: int, steps: int) -> np.ndarray:
        ranks = np.zeros(signs.shape, int)
        mixer, decisions, rest = Mixer(0, 5, []), 0, defaultdict(Slot)
        weights = [[19661] * 5 for _ in range(24)]
        for row, column in np.argwhere(signs):
            group, place = divmod(int(column), area)
            y, x = divmod(place, width)
            where = [(y, x - 1), (y - 1, x), (y, x + 1), (y + 1, x)]
            neighbours = sum(near(signs[row], group, area, width, *there) != 0 for there in where)
            larger = min(15, max(near(ranks[row], group, area, width, *there) for there in where[:2]))
            done = ranks[row][ranks[row] > 0] - 1
            mean = min(15, 1 + 2 * int(done.sum()) // done.size) if done.size else 0
            rank = 0
            while rank < steps:
                keys: list[object] = [(rank, v) for v in (0, neighbours, larger, int(signs[row, column]), mean)]
                slot = mixer.slots[0][keys[0]]
                first = clip(slot.chance >> 6) if slot.count else 32768
                rate = max(8, 160 * 1024 // (1024 + decisions))
                decisions += 1
                if not self.mixed(mixer, [], keys, weights[rank], first, rate):
                    break
                rank += 1
            if rank == steps:
                rank += self.golomb(rest)
            ranks[row, column] = rank + 1
        return ranks

    def floats(self, mask: np.ndarray, kept: int) -> np.ndarray:
        values = np.zeros(mask.shape, np.int64)
        exponents, signs, mantissas = defaultdict(Slot), defaultdict(Slot), defaultdict(Slot)
        for row, column in np.argwhere(mask):
            exponent = self.tree(exponents, 8)
            sign = self.adaptive(signs[exponent])
            mantissa = self.tree(mantissas, min(kept, 3))
            mantissa = mantissa << max(0, kept - 3) | self.even(max(0, kept - 3))
            values[row, column] = sign << 31 | exponent << 23 | mantissa << (23 - kept)
        return values

    def tree(self, slots: dict[object, Slot], width: int) -> int:
        node = 1
        for _ in range(width):
            node = 2 * node + self.adaptive(slots[node])
        return node - (1 << width)


def near(line: np.ndarray, group: int, area: int, width: int, y: int, x: int) -> int:
    inside = 0 <= x < width and 0 <= y < area // width
    return int(line[group * area + y * width + x]) if inside else 0


def around(totals: np.ndarray, y: int, x: int, area: int, width: int, seen: int) -> tuple[int, int]:
    ones, places = 2 * int(totals[y * width + x]), 2 * seen
    for dy, dx in ((0, -1), (-1, 0), (0, 1), (1, 0)):
        if 0 <= x + dx < width and 0 <= y + dy < area // width:
            ones += int(totals[(y + dy) * width + x + dx])
            places += seen + (dy + dx < 0)
    return ones, places


class Bits:
    """Codes of one length, or Huffman codes."""

    def __init__(self, data: bytes, huffman: bool) -> None:
        self.left, self.huffman = "".join(f"{byte:08b}" for byte in data), huffman

    def even(self, width: int) -> int:
        taken, self.left = self.left[:width], self.left[width:]
        assert len(taken) == width
        return int(taken or "0", 2)

    def integer(self, context: int = ANY) -> int:
        zeros = len(self.left) - len(self.left.lstrip("0"))
        self.even(zeros)
        return self.even(zeros + 1) - 1

    def text(self, count: int) -> bytes:
        return bytes(self.even(8) for _ in range(count))

    def symbols(self, count: int, size: int) -> list[int]:
        if not self.huffman:
            return [self.even((size - 1).bit_length()) for _ in range(count)]
        lengths = [0]
        for _ in range(size):
            change = self.integer(LENGTH)
            lengths.append(lengths[-1] + (-(change + 1) // 2 if change % 2 else change // 2))
        by_length = sorted((length, symbol) for symbol, length in enumerate(lengths[1:]) if length)
        if not by_length:
            return [self.integer() if size > 1 else 0] * count
        codes, start = {}, Fraction(0)
        for length, symbol in by_length:
            codes[f"{int(start * 2**length):0{length}b}"] = symbol
            start += Fraction(1, 2**length)
        assert start == 1
        found = []
        for _ in range(count):
            length = next(n for n in range(1, 63) if self.left[:n] in codes)
            found.append(codes[self.left[:length]])
            self.left = self.left[length:]
        return found

    def mask(self, rows: int, columns: int, area: int, width: int) -> np.ndarray | None:
        kind = self.integer(KIND)
        if kind == 3:
            return None
        flat: list[int] = []
        if kind < 2:
            flat = [kind] * (rows * columns)
        elif kind == 2:
            flat = [self.even(1) for _ in range(rows * columns)]
        else:
            limit = 2 ** (kind - 2) - 1
            for symbol in self.symbols(self.integer(), limit + 1):
                flat += [0] * symbol + [1] * (symbol < limit)
            flat += [0] * (rows * columns - len(flat))
        return np.array(flat).reshape(rows, columns)

    def codes(
        self, mask: np.ndarray | None, area: int, width: int, alphabet: tuple[int, int], shape=None
    ) -> np.ndarray:
        below, above = alphabet
        every = [*range(-below, 0), *([0] if mask is None else []), *range(1, above + 1)]
        values = np.zeros(shape if mask is None else mask.shape, int)
        where = np.ones(shape, bool) if mask is None else mask == 1
        values[where] = [every[symbol] for symbol in self.symbols(int(where.sum()), len(every))]
        return values

    def floats(self, mask: np.ndarray, kept: int) -> np.ndarray:
        values = np.zeros(mask.shape, np.int64)
        values[mask == 1] = [self.even(9 + kept) << (23 - kept) for _ in range(int(mask.sum()))]
        return values


def float_bits(value: float) -> int:
    return int(np.float32(value).view(np.int32))


def read_grid(reader) -> float:
    pattern = reader.even(8) << 23 if reader.even(1) else reader.even(31)
    return struct.unpack("<f", struct.pack("<I", pattern))[0]


def read_table(reader) -> dict[int, int]:
    """Return the bit pattern of every rank: positive above zero, negative below."""
    symmetric = reader.even(1)
    sizes = [reader.integer(COUNT)] + ([] if symmetric else [reader.integer(COUNT)])
    step = read_grid(reader) if reader.even(1) else None
    dropped = reader.even(5) if step is None else 0
    sides = []
    for size in sizes:
        numbers: list[int] = []
        while len(numbers) < size:
            if numbers:
                numbers.append(numbers[-1] + reader.integer(DELTA) + 1)
            else:
                numbers.append(reader.even(31 - dropped) if step is None else reader.integer(FIRST))
        sides.append([n << dropped if step is None else float_bits(n * step) for n in numbers])
    above, below = sides[0], sides[-1]
    table = {rank + 1: pattern for rank, pattern in enumerate(above)}
    return {0: 0} | table | {-rank - 1: pattern | 1 << 31 for rank, pattern in enumerate(below)}


def read_tensor(reader, shape: tuple[int, int, int, int], shared: dict[int, int] | None) -> np.ndarray:
    rows, columns, area, width = shape
    mask = reader.mask(rows, columns, area, width)
    if mask is not None and not mask.any():
        return mask
    form = reader.integer(FORM)
    if form == FLOATS:
        kept = 23 - reader.even(5)
        return reader.floats(np.ones((rows, columns), int) if mask is None else mask, kept)
    if form == GRID:
        step = read_grid(reader)
        below, above = reader.integer(COUNT), reader.integer(COUNT)
        table = {n: float_bits(n * step) for n in range(above + 1)}
        table |= {-n: float_bits(n * step) | 1 << 31 for n in range(1, below + 1)}
    else:
        table = read_table(reader) if form == OWN else shared
        below, above = -min(table), max(table)
    extra = {"shape": (rows, columns)} if mask is None else {}
    ranks = reader.codes(mask, area, width, (below, above), **extra)
    return np.array([table[int(rank)] for rank in ranks.ravel()], np.int64).reshape(rows, columns)


KINDS = "conv2d linear batchnorm relu relu6 maxpool2d avgpool2d globalavgpool add concat flatten softmax".split()
FIELDS = {
    "conv2d": (
        ("out_channels", "int", None), ("kernel", "pair", None), ("stride", "pair", [1, 1]),
        ("padding", "pair", [0, 0]), ("groups", "int", 1), ("bias", "bool", True), ("activation", "act", "none"),
    ),
    "linear": (("out_features", "int", None), ("bias", "bool", True), ("activation", "act", "none")),
    "batchnorm": (("epsilon", "float", 1e-5),),
    "maxpool2d": (
        ("kernel", "pair", None), ("stride", "pair", None), ("padding", "pair", [0, 0]), ("ceil_mode", "bool", False),
    ),
    "avgpool2d": (
        ("kernel", "pair", None), ("stride", "pair", None), ("padding", "pair", [0, 0]), ("ceil_mode", "bool", False),
        ("count_include_pad", "bool", True),
    ),
    "add": (("activation", "act", "none"),),
}  # fmt: skip


class Graph:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def integer(self) -> int:
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def text(self) -> str:
        size = self.integer()
        self.at += size
        return self.data[self.at - size : self.at].decode()

    def field(self, kind: str):
        if kind == "pair":
            first = self.integer()
            return [first // 2, self.integer() if first % 2 else first // 2]
        if kind == "act":
            return ("none", "relu", "relu6")[self.integer()]
        if kind == "float":
            self.at += 8
            return struct.unpack("<d", self.data[self.at - 8 : self.at])[0]
        return self.integer()

    def read(self) -> Network:
        name, dataset = self.text(), self.text()
        shape = tuple(self.integer() for _ in range(self.integer()))
        ops, inputs = [], []
        for place in range(self.integer()):
            kind = KINDS[self.integer()]
            flags, values = self.integer(), {"kind": kind}
            for field, type_name, default in FIELDS.get(kind, ()):
                present = default is None
                if default is not None:
                    present, flags, values[field] = flags % 2, flags // 2, default
                if present:
                    values[field] = not default if type_name == "bool" else self.field(type_name)
            ops.append(op_from_dict(values))
            inputs.append([place - self.integer() for _ in range(self.integer())] or [place - 1])
        names = [self.text() for _ in ops]
        assert self.at == len(self.data)
        layers = tuple(
            Layer(own, op, tuple(names[place] if place >= 0 else "input" for place in places))
            for own, op, places in zip(names, ops, inputs, strict=True)
        )
        return Network(name, shape, layers, {}, {"dataset": dataset} if dataset else {})


def matrix(network: Network, name: str) -> tuple[int, int, int, int]:
    """Return rows, columns, area and width of a tensor."""
    shape = network.tensor_shapes[name]
    if len(shape) == 1:
        return 1, shape[0], 1, 1
    area, width = (int(np.prod(shape[2:])), shape[-1]) if len(shape) > 2 else (1, 1)
    layer = network.layer(name.rpartition(".")[0])
    before = layer.inputs[0]
    if layer.op.kind == "linear" and before != "input" and network.layer(before).op.kind == "flatten":
        mapped = network.shapes[network.layer(before).inputs[0]]
        if len(mapped) == 3:
            area, width = mapped[1] * mapped[2], mapped[2]
    return shape[0], int(np.prod(shape[1:])), area, width


def decode(data: bytes) -> Network:
    """Return the network in a compressed file."""
    assert data[:3] == b"HWZ"
    assert data[3] >> 4 == 1
    assert int.from_bytes(data[4:8], "little") == zlib.crc32(data[:4] + data[8:])
    coder = data[3] & 15
    reader = Arithmetic(data[8:]) if coder == 0 else Bits(data[8:], huffman=coder == 1)
    network = Graph(reader.text(reader.integer())).read()
    shared = read_table(reader) if reader.even(1) else None
    tensors = {}
    for name in sorted(network.tensor_shapes):
        bits = read_tensor(reader, matrix(network, name), shared)
        tensors[name] = bits.astype(np.uint32).view(np.float32).reshape(network.tensor_shapes[name])
    return Network(network.name, network.input_shape, network.layers, tensors, network.metadata)
