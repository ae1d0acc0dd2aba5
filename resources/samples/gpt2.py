"""GPT-2 in its smallest size, 124 million parameters: a decoder-only transformer, and its loss on random tokens."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class GPTConfig:
    vocab_size: int = 50257
    context_length: int = 1024
    n_layers: int = 12
    n_heads: int = 12
    emb_dim: int = 768
    drop_rate: float = 0.0
    qkv_bias: bool = True


class CausalSelfAttention(nn.Module):
    """Every token looks at itself and at those before it, in several heads at once."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.n_heads = config.n_heads
        self.drop_rate = config.drop_rate
        self.c_attn = nn.Linear(config.emb_dim, 3 * config.emb_dim, bias=config.qkv_bias)
        self.c_proj = nn.Linear(config.emb_dim, config.emb_dim)

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        query, key, value = self.c_attn(x).split(width, dim=2)
        # (batch, tokens, width) -> (batch, heads, tokens, width of a head)
        query = query.view(batch, tokens, self.n_heads, -1).transpose(1, 2)
        key = key.view(batch, tokens, self.n_heads, -1).transpose(1, 2)
        value = value.view(batch, tokens, self.n_heads, -1).transpose(1, 2)
        dropout = self.drop_rate if self.training else 0.0
        heads = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout, is_causal=True)
        together = heads.transpose(1, 2).reshape(batch, tokens, width)
        out: Tensor = self.c_proj(together)
        return out


class MLP(nn.Module):
    """Widens each token's vector fourfold, bends it, and narrows it again."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.c_fc = nn.Linear(config.emb_dim, 4 * config.emb_dim)
        self.gelu = nn.GELU(approximate="tanh")
        self.c_proj = nn.Linear(4 * config.emb_dim, config.emb_dim)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.c_proj(self.gelu(self.c_fc(x)))
        return out


class Block(nn.Module):
    """Attention, then the MLP; each reads a normalised copy and adds its result to the stream."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.emb_dim)
        self.attn = CausalSelfAttention(config)
        self.ln_2 = nn.LayerNorm(config.emb_dim)
        self.mlp = MLP(config)
        self.drop = nn.Dropout(config.drop_rate)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.drop(self.attn(self.ln_1(x)))
        x = x + self.drop(self.mlp(self.ln_2(x)))
        return x


class GPT(nn.Module):
    """Token and position embeddings, the blocks, and a head that shares the token embedding's weight."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.wte = nn.Embedding(config.vocab_size, config.emb_dim)
        self.wpe = nn.Embedding(config.context_length, config.emb_dim)
        self.drop = nn.Dropout(config.drop_rate)
        self.h = nn.ModuleList([Block(config) for _ in range(config.n_layers)])
        self.ln_f = nn.LayerNorm(config.emb_dim)

    def forward(self, tokens: Tensor) -> Tensor:
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.drop(self.wte(tokens) + self.wpe(positions))
        for block in self.h:
            x = block(x)
        logits = F.linear(self.ln_f(x), self.wte.weight)
        return logits

    @torch.no_grad()
    def initialise(self) -> None:
        """Weights of standard deviation 0.02, less where a block writes into the stream, so that it does not grow."""
        in_stream = 0.02 / (2 * self.config.n_layers) ** 0.5
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                module.weight.normal_(std=in_stream if name.endswith("c_proj") else 0.02)
            if isinstance(module, nn.Linear) and module.bias is not None:
                module.bias.zero_()
            if isinstance(module, nn.LayerNorm):
                module.reset_parameters()


def build(config: GPTConfig) -> GPT:
    # On the meta device first: the default initialisation of 124 million numbers would only be thrown away.
    with torch.device("meta"):
        model = GPT(config)
    model = model.to_empty(device="cpu")
    model.initialise()
    return model


def loss(batch: int = 1, tokens: int = 64) -> Tensor:
    """The mean cross-entropy of predicting each next token; close to ln 50257 = 10.82 before any training."""
    torch.manual_seed(0)
    config = GPTConfig()
    model = build(config)
    text = torch.randint(config.vocab_size, (batch, tokens + 1))
    logits = model(text[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1), text[:, 1:].flatten())


if __name__ == "__main__":
    result = loss()
    result.backward()
    print(f"loss {result.item():.4f}")
