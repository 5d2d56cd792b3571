"""A BERT-base encoder layer and an LSTM: matrix products over the positions of a sequence."""

from __future__ import annotations

from hwsim.network import Conv2d, Gelu, GroupSoftmax, LayerNorm, LstmCell, MatMul, Network, Recurrent
from models.shapes.builder import Builder

HIDDEN, HEADS, FEED_FORWARD, TOKENS = 768, 12, 3072, 128
LSTM_FEATURES, LSTM_STEPS = 650, 35


def bert_layer() -> Network:
    """Return one of the twelve encoder layers of BERT-base on 128 tokens.

    Source: Devlin et al. 2018, arXiv 1810.04805 (L = 12, H = 768, A = 12); the layer is that of Vaswani et al. 2017,
    arXiv 1706.03762, with GELU.
    """
    build = Builder()
    query, key, value = (_every_token(build, name, HIDDEN, "input") for name in ("query", "key", "value"))
    scores = build.add("scores", MatMul(HEADS, transposed=True), query, key)
    probabilities = build.add("softmax", GroupSoftmax(HEADS), scores)
    build.add("context", MatMul(HEADS), probabilities, value)
    attended = build.sum("attention.add", _every_token(build, "attention.output", HIDDEN), "input")
    attended = build.add("attention.norm", LayerNorm(), attended)
    _every_token(build, "intermediate", FEED_FORWARD)
    build.add("gelu", Gelu())
    build.sum("add", _every_token(build, "output", HIDDEN), attended)
    build.add("norm", LayerNorm())
    card = {"source": "Devlin et al. 2018, arXiv 1810.04805: one encoder layer of BERT-base, 128 tokens"}
    return build.network("bert-layer", (HIDDEN, TOKENS, 1), card)


def lstm() -> Network:
    """Return one layer of the "medium" language model: 650 units, unrolled for 35 steps.

    Source: Zaremba et al. 2014, arXiv 1409.2329, section 4.1. Weights and biases as in ``torch.nn.LSTM``, which has
    two biases.
    """
    build = Builder()
    entering = _every_token(build, "input_gates", 4 * LSTM_FEATURES)
    recurring = build.add("state_gates", Recurrent(LSTM_FEATURES))
    build.add("cell", LstmCell(), entering, recurring)
    card = {"source": "Zaremba et al. 2014, arXiv 1409.2329: one layer of the medium model, 35 steps"}
    return build.network("lstm", (LSTM_FEATURES, LSTM_STEPS, 1), card)


def _every_token(build: Builder, name: str, features: int, *sources: str) -> str:
    return build.add(name, Conv2d(features, (1, 1)), *sources)
