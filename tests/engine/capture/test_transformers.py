"""Real models of the transformers library, with random weights and tiny sizes, against an independent run."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from engine import Trace, trace

from .oracle import Oracle, run_with_hooks

os.environ.setdefault("HF_HUB_OFFLINE", "1")
transformers = pytest.importorskip("transformers", reason="the extra 'transformers' is not installed")

pytestmark = pytest.mark.filterwarnings("default")  # the library's own warnings are not ours to judge

Case = tuple[nn.Module, dict[str, Any]]


def _ids(batch: int = 2, length: int = 7, words: int = 40) -> Tensor:
    return torch.randint(2, words, (batch, length))


def gpt2() -> Case:
    config = transformers.GPT2Config(vocab_size=40, n_positions=16, n_embd=16, n_layer=2, n_head=2)
    ids = _ids()
    return transformers.GPT2LMHeadModel(config), {"input_ids": ids, "labels": ids}


def bert() -> Case:
    config = transformers.BertConfig(
        vocab_size=40, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=16,
    )  # fmt: skip
    ids = _ids()
    return transformers.BertForMaskedLM(config), {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "labels": ids,
    }


def llama() -> Case:
    config = transformers.LlamaConfig(
        vocab_size=40, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=16,
    )  # fmt: skip
    ids = _ids()
    return transformers.LlamaForCausalLM(config), {"input_ids": ids, "labels": ids}


def t5() -> Case:
    config = transformers.T5Config(
        vocab_size=40, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2, decoder_start_token_id=0
    )
    return transformers.T5ForConditionalGeneration(config), {"input_ids": _ids(), "labels": _ids(length=5)}


def vit() -> Case:
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=8, patch_size=4,
        num_labels=3,
    )  # fmt: skip
    pixels, labels = torch.randn(2, 3, 8, 8), torch.tensor([0, 2])
    return transformers.ViTForImageClassification(config), {"pixel_values": pixels, "labels": labels}


def whisper() -> Case:
    config = transformers.WhisperConfig(
        vocab_size=40, num_mel_bins=4, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, max_source_positions=8,
        max_target_positions=8, pad_token_id=0, bos_token_id=1, eos_token_id=1, decoder_start_token_id=1,
        suppress_tokens=None, begin_suppress_tokens=None,
    )  # fmt: skip
    features, labels = torch.randn(2, 4, 16), _ids(length=5)
    return transformers.WhisperForConditionalGeneration(config), {"input_features": features, "labels": labels}


def mamba() -> Case:
    config = transformers.MambaConfig(
        vocab_size=40, hidden_size=16, state_size=4, num_hidden_layers=2, expand=2, conv_kernel=3, time_step_rank=4
    )
    ids = _ids()
    return transformers.MambaForCausalLM(config), {"input_ids": ids, "labels": ids, "use_cache": False}


MODELS = [gpt2, bert, llama, t5, vit, whisper, mamba]


def _build(case: Callable[[], Case]) -> Case:
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, inputs = case()
    model.train()
    torch.manual_seed(1)
    return model, inputs


@pytest.fixture(params=MODELS, ids=[case.__name__ for case in MODELS], scope="module")
def run(request: pytest.FixtureRequest) -> tuple[Oracle, Trace, nn.Module]:
    model, inputs = _build(request.param)
    oracle = run_with_hooks(lambda: model(**inputs)["loss"])
    model, inputs = _build(request.param)
    return oracle, trace(lambda: model(**inputs)["loss"], values="all"), model


def test_every_step_equals_torch(run: tuple[Oracle, Trace, nn.Module]) -> None:
    oracle, recorded, _ = run
    assert [step.node.grad_fn for step in recorded.backward] == [step.name for step in oracle.steps]
    for expected, step in zip(oracle.steps, recorded.backward, strict=True):
        given = [tensor for tensor in expected.grad_outputs if tensor is not None]
        found = [info for info in step.grad_outputs if info is not None]
        for tensor, info in zip(given, found, strict=True):
            np.testing.assert_array_equal(np.asarray(info), tensor.numpy())


def test_every_operation_is_there(run: tuple[Oracle, Trace, nn.Module]) -> None:
    oracle, recorded, _ = run
    noise = "aten.detach.default"
    expected = [op for op in oracle.ops if op != noise and not op.startswith(("prim", "profiler"))]
    assert [node.op for node in recorded.graph.nodes if node.op not in (None, noise)] == expected


def test_every_parameter_has_its_name_and_gradient(run: tuple[Oracle, Trace, nn.Module]) -> None:
    _, recorded, model = run
    leaves = {node.name: node for node in recorded.leaves()}
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            np.testing.assert_array_equal(recorded.grad(leaves[name]), parameter.grad.numpy())


def test_modules_are_scopes_and_nothing_was_missed(run: tuple[Oracle, Trace, nn.Module]) -> None:
    _, recorded, model = run
    kinds = {scope.module for scope in recorded.graph.scopes.values()}
    assert type(model).__name__ in kinds
    assert len(kinds) > 4
    assert not [note for note in recorded.notes if "could not be recorded" in note]


@pytest.mark.parametrize("case", MODELS, ids=[case.__name__ for case in MODELS])
def test_structure_alone_on_the_meta_device(case: Callable[[], Case]) -> None:
    model, inputs = _build(case)
    inputs.pop("attention_mask", None)  # the library looks whether it masks anything, which the meta device cannot say
    real = trace(lambda: model(**inputs)["loss"], values="none")
    with torch.device("meta"):
        empty, given = _build(case)
    given.pop("attention_mask", None)
    recorded = trace(lambda: empty(**given)["loss"], values="none")
    assert {node.name for node in recorded.leaves()} == {node.name for node in real.leaves()}
    assert len(recorded.backward) > len(real.backward) // 2  # kernels differ, the model does not
    assert {parameter.device.type for parameter in empty.parameters()} == {"meta"}
