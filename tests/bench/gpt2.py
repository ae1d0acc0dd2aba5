"""The sample's GPT-2, for the benchmarks that need a large program."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

GPT2 = Path(__file__).parents[2] / "resources" / "samples" / "gpt2.py"


def load_gpt2() -> Any:
    """The sample as a module."""
    spec = importlib.util.spec_from_file_location("gpt2_sample", GPT2)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["gpt2_sample"] = module
    spec.loader.exec_module(module)
    return module


def gpt2_step() -> tuple[Callable[[], torch.Tensor], nn.Module]:
    """What computes a loss of the 124 million parameters on 64 tokens, and the model."""
    sample = load_gpt2()
    torch.manual_seed(0)
    model = sample.build(sample.GPTConfig())
    text = torch.randint(50257, (1, 65))

    def loss() -> torch.Tensor:
        logits = model(text[:, :-1])
        return nn.functional.cross_entropy(logits.flatten(0, 1), text[:, 1:].flatten())

    return loss, model
