"""Small networks, one for each kind of layer."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from .registry import Program, leaf, program


@program
def neuron() -> Program:
    x, y, w, b = torch.tensor(1.1), torch.tensor(1.0), torch.tensor(2.2), torch.tensor(0.0)
    w.requires_grad_()
    b.requires_grad_()
    return lambda: F.binary_cross_entropy(torch.sigmoid(x * w + b), y)


@program
def mlp() -> Program:
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    x, y = torch.randn(5, 6), torch.tensor([0, 2, 1, 1, 0])
    return lambda: F.cross_entropy(model(x), y)


@program
def conv_with_inplace_relu_and_batch_norm() -> Program:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(64, 2),
    )  # fmt: skip
    x = torch.randn(2, 3, 8, 8)
    return lambda: model(x).square().mean()


@program
def lstm_fused() -> Program:
    model = nn.LSTM(3, 4, num_layers=2, batch_first=True)
    x = torch.randn(2, 5, 3)

    def run() -> Any:
        output, (hidden, cell) = model(x)
        return output.sum() + hidden.square().sum() + cell.mean()

    return run


@program
def gru_unrolled() -> Program:
    cell = nn.GRUCell(3, 4)
    x = torch.randn(6, 2, 3)

    def run() -> Any:
        h = torch.zeros(2, 4)
        for step in x:
            h = cell(step, h)
        return h.square().sum()

    return run


@program
def tied_weights() -> Program:
    embedding = nn.Embedding(7, 4)
    ids = torch.tensor([1, 3, 1])
    return lambda: F.cross_entropy(embedding(ids) @ embedding.weight.t(), ids)


@program
def shared_module() -> Program:
    layer = nn.Linear(4, 4)
    x = torch.randn(2, 4)
    return lambda: layer(torch.tanh(layer(x))).sum()


@program
def sparse_embedding() -> Program:
    table = nn.Embedding(10, 3, sparse=True)
    return lambda: table(torch.tensor([1, 4, 1])).square().sum()


@program
def attention_by_hand() -> Program:
    q, k, v = leaf(2, 3, 4), leaf(2, 3, 4), leaf(2, 3, 4)

    def run() -> Any:
        mask = torch.tril(torch.ones(3, 3)) == 0
        scores = (q @ k.transpose(-2, -1) / 2).masked_fill(mask, float("-inf"))
        return (scores.softmax(-1) @ v).square().sum()

    return run


@program
def attention_fused() -> Program:
    q, k, v = leaf(1, 2, 3, 4), leaf(1, 2, 3, 4), leaf(1, 2, 3, 4)
    return lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True).square().sum()


@program
def lstm_unrolled() -> Program:
    cell = nn.LSTMCell(3, 4)
    x = torch.randn(5, 2, 3)

    def run() -> Any:
        h, c = torch.zeros(2, 4), torch.zeros(2, 4)
        outputs = []
        for step in x:
            h, c = cell(step, (h, c))
            outputs.append(h)
        return torch.stack(outputs).square().mean()

    return run


@program
def gru_fused_both_ways() -> Program:
    model = nn.GRU(3, 4, bidirectional=True)
    x = torch.randn(5, 2, 3)
    return lambda: model(x)[0].square().mean()


@program
def packed_sequence() -> Program:
    model = nn.RNN(3, 4, batch_first=True)
    x = torch.randn(2, 5, 3)

    def run() -> Any:
        packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([5, 3]), batch_first=True)
        output, _ = nn.utils.rnn.pad_packed_sequence(model(packed)[0], batch_first=True)
        return output.square().sum()

    return run


@program
def embedding_bag() -> Program:
    table = nn.EmbeddingBag(10, 3, mode="mean")
    ids, offsets = torch.tensor([1, 4, 1, 7, 2]), torch.tensor([0, 2])
    return lambda: table(ids, offsets).square().sum()


@program
def convolutions() -> Program:
    first, second, third = nn.Conv1d(2, 3, 3, stride=2), nn.Conv3d(1, 2, 2), nn.ConvTranspose2d(2, 3, 3, stride=2)
    x, y, z = torch.randn(2, 2, 9), torch.randn(1, 1, 3, 3, 3), torch.randn(1, 2, 3, 3)
    return lambda: first(x).square().mean() + second(y).tanh().mean() + third(z).square().mean()


@program
def normalisations() -> Program:
    layers = nn.Sequential(nn.GroupNorm(2, 4), nn.InstanceNorm1d(4, affine=True), nn.LayerNorm(6), nn.BatchNorm1d(4))
    x, scale = torch.randn(3, 4, 6), leaf(6)
    return lambda: (layers(x) * F.rms_norm(x, (6,), scale) + F.normalize(x * scale, dim=1)).square().mean()


@program
def batch_norm_in_eval_mode() -> Program:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5)).eval()
    x = torch.randn(5, 3)
    return lambda: model(x).square().sum()


@program
def dropout() -> Program:
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.AlphaDropout(0.2), nn.Linear(8, 1))
    x = torch.randn(3, 4)
    return lambda: model(x).sum() + F.feature_alpha_dropout(x, 0.1).sum()


@program
def pooling_and_resizing() -> Program:
    x = leaf(1, 2, 8, 8)

    def run() -> Any:
        h = F.avg_pool2d(x, 2) + F.adaptive_avg_pool2d(x, 4) + F.adaptive_max_pool2d(x, 4)
        up = F.interpolate(h, scale_factor=2, mode="bilinear") + F.pixel_shuffle(x.repeat(1, 2, 1, 1)[..., :4, :4], 2)
        return F.pad(up, (1, 1, 1, 1), mode="reflect").square().mean() + F.unfold(x, 3).sum()

    return run


@program
def grid_sample() -> Program:
    image, theta = leaf(1, 1, 5, 5), leaf(1, 2, 3)

    def run() -> Any:
        grid = F.affine_grid(theta * 0.3, [1, 1, 4, 4], align_corners=False)
        return F.grid_sample(image, grid, align_corners=False).square().sum()

    return run


@program
def losses() -> Program:
    logits, scores = leaf(4, 3), leaf(4)
    labels, binary = torch.tensor([0, 2, 1, -100]), torch.tensor([0.0, 1.0, 1.0, 0.0])

    def run() -> Any:
        total = F.cross_entropy(logits, labels, label_smoothing=0.1) + F.nll_loss(logits.log_softmax(1), labels)
        total = total + F.binary_cross_entropy_with_logits(scores, binary) + F.huber_loss(scores, binary)
        total = total + F.kl_div(logits.log_softmax(1), torch.full((4, 3), 1 / 3), reduction="batchmean")
        return total + F.triplet_margin_loss(logits, logits.flip(0), logits.roll(1, 0)) + F.l1_loss(scores, binary)

    return run


@program
def ctc_loss() -> Program:
    logits = leaf(8, 2, 4)
    targets = torch.tensor([[1, 2, 3], [2, 2, 1]])
    return lambda: F.ctc_loss(logits.log_softmax(2), targets, torch.tensor([8, 7]), torch.tensor([3, 2]))


@program
def activations() -> Program:
    a, slope = leaf(6), torch.tensor([0.25], requires_grad=True)

    def run() -> Any:
        smooth = F.gelu(a) + F.silu(a) + F.softplus(a) + F.mish(a) + F.elu(a) + F.selu(a) + F.celu(a)
        sharp = F.leaky_relu(a) + F.hardtanh(a) + F.relu6(a) + F.hardswish(a) + F.prelu(a, slope) + F.softsign(a)
        return (smooth * sharp).sum() + F.glu(a).sum() + F.logsigmoid(a).sum() + F.gumbel_softmax(a, hard=True)[0]

    return run


@program
def weight_norm_and_spectral_norm() -> Program:
    first = nn.utils.parametrizations.weight_norm(nn.Linear(3, 4))
    second = nn.utils.parametrizations.spectral_norm(nn.Linear(4, 2))
    x = torch.randn(5, 3)
    return lambda: second(torch.tanh(first(x))).square().mean()


@program
def multi_head_attention() -> Program:
    model = nn.MultiheadAttention(8, 2, batch_first=True)
    x = torch.randn(2, 3, 8)
    return lambda: model(x, x, x, need_weights=True)[0].square().mean()
