"""Hand-made graphs in the shapes of real models, for the tests and benchmarks of folding and layout."""

from __future__ import annotations

from engine.graph.model import Graph

from .builder import GraphBuilder


def _linear(build: GraphBuilder, name: str, data: int) -> int:
    build.enter(name, "Linear")
    weight = build.op("t", build.tensor("leaf", f"{name}.weight"))
    result = build.op("addmm", build.tensor("leaf", f"{name}.bias"), data, weight)
    build.leave()
    return result


def _norm(build: GraphBuilder, name: str, data: int) -> int:
    build.enter(name, "LayerNorm")
    weight, bias = build.tensor("leaf", f"{name}.weight"), build.tensor("leaf", f"{name}.bias")
    result = build.op("native_layer_norm", data, weight, bias)
    build.leave()
    return result


def mlp(layers: int = 3) -> Graph:
    """A sequence of linear modules and activations with a loss."""
    build = GraphBuilder()
    data = build.tensor("input", "x")
    for k in range(layers):
        data = _linear(build, f"fc{k}", data)
        build.enter(f"act{k}", "ReLU")
        data = build.op("relu", data)
        build.leave()
    build.op("mse_loss", data, build.tensor("input", "y"), name="loss")
    return build.graph()


def recurrent(steps: int = 5) -> Graph:
    """The same two weights in every step, and an output from each."""
    build = GraphBuilder()
    into, over = build.tensor("leaf", "W"), build.tensor("leaf", "U")
    state = build.tensor("input", "h0")
    outputs = []
    for k in range(steps):
        here = build.op("mm", build.tensor("input", f"x{k}"), into)
        state = build.op("tanh", build.op("add", here, build.op("mm", state, over)))
        outputs.append(state)
    build.op("stack", *outputs)
    return build.graph()


def transformer(blocks: int = 12) -> Graph:
    """Residual blocks with attention and an MLP inside a module, and a head that shares the embedding's weight."""
    build = GraphBuilder()
    ids = build.tensor("input", "ids")
    build.enter("transformer", "Transformer")
    build.enter("wte", "Embedding")
    embedding = build.tensor("leaf", "wte.weight")
    data = build.op("embedding", embedding, ids)
    build.leave()
    for k in range(blocks):
        build.enter(f"h.{k}", "Block")
        normed = _norm(build, "ln_1", data)
        build.enter("attn", "Attention")
        mixed = _linear(build, "c_attn", normed)
        query, key, value = (build.op("view", mixed) for _ in range(3))
        scores = build.op("matmul", query, build.op("transpose", key))
        scores = build.op("softmax", build.op("div", scores))
        attended = _linear(build, "c_proj", build.op("matmul", scores, value))
        build.leave()
        data = build.op("add", data, attended)
        normed = _norm(build, "ln_2", data)
        build.enter("mlp", "MLP")
        hidden = _linear(build, "c_fc", normed)
        build.enter("act", "GELU")
        hidden = build.op("mul", hidden, build.op("tanh", build.op("add", hidden, build.op("pow", hidden))))
        build.leave()
        data = build.op("add", data, _linear(build, "c_proj", hidden))
        build.leave()
        build.leave()
    data = _norm(build, "ln_f", data)
    build.leave()
    build.enter("lm_head", "Linear")
    data = build.op("mm", data, build.op("t", embedding))
    build.leave()
    build.op("cross_entropy", data, build.tensor("input", "labels"), name="loss")
    return build.graph()


def chain(length: int) -> Graph:
    build = GraphBuilder()
    data = build.tensor("leaf", "x")
    for _ in range(length):
        data = build.op("sin", data)
    return build.graph()
