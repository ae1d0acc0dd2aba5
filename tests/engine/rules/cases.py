"""Calls of operators by their schema's argument names, with broadcasting and edge cases."""

from __future__ import annotations

from typing import Any

import torch

from .operands import exact, mask, positive, real, unit, whole

Case = tuple[str, str, dict[str, Any]]


def _binary() -> list[Case]:
    cases: list[Case] = []
    for node, op in (("AddBackward0", "add.Tensor"), ("SubBackward0", "sub.Tensor"), ("RsubBackward0", "rsub.Tensor")):
        cases += [
            (node, op, {"self": real(3, 4), "other": real(4), "alpha": 2.5}),
            (node, op, {"self": real(2, 1, 4), "other": real(3, 1)}),
            (node, op, {"self": real(), "other": real(3, 1)}),
        ]
    for node, op in (("MulBackward0", "mul.Tensor"), ("DivBackward0", "div.Tensor")):
        cases += [
            (node, op, {"self": real(3, 4), "other": real(4)}),
            (node, op, {"self": real(2, 1, 4), "other": real(3, 1)}),
            (node, op, {"self": real(), "other": real()}),
        ]
    for node, op in (("MaximumBackward0", "maximum.default"), ("MinimumBackward0", "minimum.default")):
        cases += [
            (node, op, {"self": real(3, 4), "other": real(4)}),
            (node, op, {"self": exact(1, 2, 3, -1), "other": exact(1, 5, 3, -2)}),
        ]
    return [
        *cases,
        ("AddBackward1", "add.Scalar", {"self": real(3), "other": 2.0, "alpha": 3.0}),
        ("SubBackward1", "sub.Scalar", {"self": real(3), "other": 2.0}),
        ("RsubBackward1", "rsub.Scalar", {"self": real(3, 2), "other": 2.0, "alpha": 3.0}),
        ("MulBackward1", "mul.Scalar", {"self": real(3, 2), "other": 2.5}),
        ("DivBackward1", "div.Scalar", {"self": real(3, 2), "other": 2.5}),
        ("DivBackward2", "div.Tensor_mode", {"self": real(3), "other": real(3), "rounding_mode": "floor"}),
        ("PowBackward0", "pow.Tensor_Scalar", {"self": real(3, 4), "exponent": 3}),
        ("PowBackward0", "pow.Tensor_Scalar", {"self": positive(3), "exponent": -0.5}),
        ("PowBackward0", "pow.Tensor_Scalar", {"self": exact(0, 2), "exponent": 0}),
        ("PowBackward1", "pow.Tensor_Tensor", {"self": positive(3, 4), "exponent": real(4)}),
        ("PowBackward1", "pow.Tensor_Tensor", {"self": exact(0, 2, 0), "exponent": exact(2, 3, 0)}),
        ("PowBackward2", "pow.Scalar", {"self": 2.5, "exponent": real(3)}),
        ("WhereBackward0", "where.self", {"condition": mask(3, 4), "self": real(3, 4), "other": real(4)}),
        ("MaskedFillBackward0", "masked_fill.Scalar", {"self": real(3, 4), "mask": mask(4), "value": -1.0}),
        ("MaskedFillBackward1", "masked_fill.Tensor", {"self": real(3, 4), "mask": mask(3, 4), "value": real()}),
        ("LerpBackward0", "lerp.Scalar", {"self": real(3, 4), "end": real(4), "weight": 0.3}),
        ("LerpBackward1", "lerp.Tensor", {"self": real(3, 4), "end": real(4), "weight": real(3, 1)}),
        ("AddcmulBackward0", "addcmul.default", {"self": real(3, 4), "tensor1": real(4), "tensor2": real(3, 1)}),
        (
            "AddcmulBackward0",
            "addcmul.default",
            {"self": real(3), "tensor1": real(3), "tensor2": real(3), "value": 2.0},
        ),
        ("AddcdivBackward0", "addcdiv.default", {"self": real(3, 4), "tensor1": real(4), "tensor2": positive(3, 1)}),
    ]


def _unary() -> list[Case]:
    plain = {
        "NegBackward0": "neg",
        "ExpBackward0": "exp",
        "Expm1Backward0": "expm1",
        "SinBackward0": "sin",
        "CosBackward0": "cos",
        "TanBackward0": "tan",
        "AtanBackward0": "atan",
        "SinhBackward0": "sinh",
        "CoshBackward0": "cosh",
        "ErfBackward0": "erf",
        "TanhBackward0": "tanh",
        "SigmoidBackward0": "sigmoid",
        "ReluBackward0": "relu",
        "AbsBackward0": "abs",
        "SiluBackward0": "silu",
        "HardsigmoidBackward0": "hardsigmoid",
        "SignBackward0": "sign",
        "FloorBackward0": "floor",
        "CeilBackward0": "ceil",
        "RoundBackward0": "round",
        "CloneBackward0": "clone",
        "AliasBackward0": "alias",
        "LeakyReluBackward0": "leaky_relu",
        "GeluBackward0": "gelu",
        "EluBackward0": "elu",
        "SoftplusBackward0": "softplus",
        "HardtanhBackward0": "hardtanh",
        "LogSigmoidBackward0": "log_sigmoid_forward",
    }
    on_positive = {
        "LogBackward0": "log",
        "Log1PBackward0": "log1p",
        "Log2Backward0": "log2",
        "Log10Backward0": "log10",
        "SqrtBackward0": "sqrt",
        "RsqrtBackward0": "rsqrt",
        "ReciprocalBackward0": "reciprocal",
    }
    cases: list[Case] = []
    for node, op in plain.items():
        values = (real(3, 4), real(), exact(0, -1, 1, 3, -3, 30, -30))
        cases += [(node, f"{op}.default", {"self": value}) for value in values]
    for node, op in on_positive.items():
        cases += [(node, f"{op}.default", {"self": positive(3, 4)}), (node, f"{op}.default", {"self": positive()})]
    edges = exact(-2, -1, -0.5, 0, 0.5, 1, 2)
    return [
        *cases,
        ("ToCopyBackward0", "_to_copy.default", {"self": real(3, 2), "dtype": torch.float32}),
        ("LeakyReluBackward0", "leaky_relu.default", {"self": edges, "negative_slope": 2.0}),
        ("EluBackward0", "elu.default", {"self": edges, "alpha": 1.6, "scale": 1.05, "input_scale": 0.5}),
        ("GeluBackward0", "gelu.default", {"self": real(3, 4), "approximate": "tanh"}),
        ("SoftplusBackward0", "softplus.default", {"self": real(3, 4), "beta": 3.0, "threshold": 2.0}),
        ("HardtanhBackward0", "hardtanh.default", {"self": edges, "min_val": -0.5, "max_val": 1.0}),
        ("ClampBackward1", "clamp.default", {"self": edges, "min": -1.0, "max": 0.5}),
        ("ClampBackward1", "clamp.default", {"self": edges, "max": 0.5}),
        ("ClampBackward1", "clamp.default", {"self": edges, "min": 0.5}),
        ("ClampMinBackward0", "clamp_min.default", {"self": edges, "min": 0.5}),
        ("ClampMaxBackward0", "clamp_max.default", {"self": edges, "max": 0.5}),
        ("NativeDropoutBackward0", "native_dropout.default", {"input": real(5, 6), "p": 0.3, "train": True}),
    ]


def _rearranging() -> list[Case]:
    return [
        ("TBackward0", "t.default", {"self": real(3, 4)}),
        ("TBackward0", "t.default", {"self": real(3)}),
        ("TransposeBackward0", "transpose.int", {"self": real(2, 3, 4), "dim0": 0, "dim1": -1}),
        ("PermuteBackward0", "permute.default", {"self": real(2, 3, 4), "dims": [2, 0, 1]}),
        ("PermuteBackward0", "permute.default", {"self": real(2, 3, 4), "dims": [-1, 0, -2]}),
        ("ViewBackward0", "view.default", {"self": real(2, 6), "size": [3, -1]}),
        ("UnsafeViewBackward0", "_unsafe_view.default", {"self": real(2, 6), "size": [12]}),
        ("ReshapeAliasBackward0", "_reshape_alias.default", {"self": real(2, 6), "size": [12], "stride": [1]}),
        ("UnsqueezeBackward0", "unsqueeze.default", {"self": real(2, 3), "dim": -1}),
        ("SqueezeBackward0", "squeeze.default", {"self": real(1, 3, 1)}),
        ("SqueezeBackward1", "squeeze.dim", {"self": real(2, 1, 3), "dim": 1}),
        ("SqueezeBackward1", "squeeze.dim", {"self": real(2, 3), "dim": 1}),
        ("SqueezeBackward2", "squeeze.dims", {"self": real(1, 3, 1), "dim": [0, 2]}),
        ("ExpandBackward0", "expand.default", {"self": real(3, 1), "size": [2, 3, 4]}),
        ("ExpandBackward0", "expand.default", {"self": real(3), "size": [2, -1]}),
        ("RepeatBackward0", "repeat.default", {"self": real(2, 3), "repeats": [2, 1, 3]}),
        ("RepeatBackward0", "repeat.default", {"self": real(3), "repeats": [4]}),
        ("SliceBackward0", "slice.Tensor", {"self": real(5, 4), "dim": 0, "start": 1, "end": 4, "step": 2}),
        ("SliceBackward0", "slice.Tensor", {"self": real(5, 4), "dim": -1, "start": -2, "end": 2**63 - 1}),
        ("SelectBackward0", "select.int", {"self": real(5, 4), "dim": 1, "index": -1}),
        ("SelectBackward0", "select.int", {"self": real(5), "dim": 0, "index": 2}),
        ("IndexBackward0", "index.Tensor", {"self": real(5, 4), "indices": [whole(5, 7)]}),
        ("IndexBackward0", "index.Tensor", {"self": real(5, 4), "indices": [None, whole(4, 3)]}),
        ("IndexBackward0", "index.Tensor", {"self": real(5, 4), "indices": [whole(5, 6), whole(4, 6)]}),
        ("IndexBackward0", "index.Tensor", {"self": real(5, 4), "indices": [mask(5, 4)]}),
        ("IndexSelectBackward0", "index_select.default", {"self": real(5, 4), "dim": 1, "index": whole(4, 6)}),
        ("GatherBackward0", "gather.default", {"self": real(3, 4), "dim": 1, "index": whole(4, 3, 6)}),
        ("GatherBackward0", "gather.default", {"self": real(3, 4), "dim": 0, "index": whole(3, 2, 3)}),
        ("EmbeddingBackward0", "embedding.default", {"weight": real(5, 3), "indices": whole(5, 2, 4)}),
        (
            "EmbeddingBackward0",
            "embedding.default",
            {"weight": real(3, 2), "indices": whole(3, 9), "padding_idx": 1, "scale_grad_by_freq": True},
        ),
        ("CatBackward0", "cat.default", {"tensors": [real(2, 3), real(1, 3)]}),
        ("CatBackward0", "cat.default", {"tensors": [real(2, 3), real(2, 1), real(2, 2)], "dim": -1}),
        ("CatBackward0", "cat.default", {"tensors": [real(0), real(2, 3)], "dim": 1}),
        ("StackBackward0", "stack.default", {"tensors": [real(2, 3), real(2, 3)], "dim": -1}),
        ("SplitBackward0", "split.Tensor", {"self": real(5, 2), "split_size": 2}),
        ("SplitBackward0", "split.Tensor", {"self": real(2, 5), "split_size": 2, "dim": -1}),
        ("SplitWithSizesBackward0", "split_with_sizes.default", {"self": real(5, 2), "split_sizes": [1, 4]}),
        ("UnbindBackward0", "unbind.int", {"self": real(3, 2)}),
        ("UnbindBackward0", "unbind.int", {"self": real(3, 2), "dim": -1}),
        ("TrilBackward0", "tril.default", {"self": real(2, 4, 4), "diagonal": 1}),
        ("TriuBackward0", "triu.default", {"self": real(3, 5), "diagonal": -1}),
        ("FlipBackward0", "flip.default", {"self": real(3, 4), "dims": [0, -1]}),
        ("RollBackward0", "roll.default", {"self": real(3, 4), "shifts": [1, -2], "dims": [0, 1]}),
        ("RollBackward0", "roll.default", {"self": real(3, 4), "shifts": [5]}),
        ("ConstantPadNdBackward0", "constant_pad_nd.default", {"self": real(3, 4), "pad": [1, 2]}),
        ("ConstantPadNdBackward0", "constant_pad_nd.default", {"self": real(3, 4), "pad": [-1, 2, 1, -2]}),
    ]


def _reducing() -> list[Case]:
    tie = torch.tensor([[1.0, 3, 3], [2, 2, 0]], dtype=torch.float64)
    cases: list[Case] = []
    for node, op in (("MaxBackward", "max"), ("MinBackward", "min")):
        cases += [
            (f"{node}0", f"{op}.dim", {"self": real(3, 4), "dim": 1}),
            (f"{node}0", f"{op}.dim", {"self": tie.clone().requires_grad_(), "dim": 0, "keepdim": True}),
            (f"{node}1", f"{op}.default", {"self": real(3, 4)}),
            (f"{node}1", f"{op}.default", {"self": tie.clone().requires_grad_()}),
        ]
    for node, op in (("SumBackward1", "sum.dim_IntList"), ("MeanBackward1", "mean.dim")):
        cases += [
            (node, op, {"self": real(2, 3, 4), "dim": [0, -1]}),
            (node, op, {"self": real(3, 4), "dim": [1], "keepdim": True}),
            (node, op, {"self": real(3, 4), "dim": []}),
        ]
    for node, op in (("VarBackward0", "var.correction"), ("StdBackward0", "std.correction")):
        cases += [
            (node, op, {"self": real(3, 4)}),
            (node, op, {"self": real(3, 4), "dim": [1], "correction": 0, "keepdim": True}),
            (node, op, {"self": real(2, 3, 4), "dim": [0, 2], "correction": 2}),
        ]
    for node, op in (("SoftmaxBackward0", "_softmax"), ("LogSoftmaxBackward0", "_log_softmax")):
        cases += [
            (node, f"{op}.default", {"self": real(3, 4), "dim": -1, "half_to_float": False}),
            (node, f"{op}.default", {"self": real(3, 4, 2), "dim": 1, "half_to_float": False}),
        ]
    norm = {"weight": real(4), "bias": real(4)}
    batch = {"momentum": 0.1, "eps": 1e-5}
    return [
        *cases,
        ("SumBackward0", "sum.default", {"self": real(3, 4)}),
        ("MeanBackward0", "mean.default", {"self": real(3, 4)}),
        ("StdBackward0", "std.correction", {"self": exact(2, 2, 2)}),
        ("VarMeanBackward0", "var_mean.correction", {"self": real(3, 4), "dim": [1], "correction": 0}),
        ("AmaxBackward0", "amax.default", {"self": tie.clone().requires_grad_(), "dim": [1]}),
        ("AminBackward0", "amin.default", {"self": tie.clone().requires_grad_(), "dim": [1], "keepdim": True}),
        ("ProdBackward0", "prod.default", {"self": real(3, 2)}),
        ("ProdBackward0", "prod.default", {"self": exact(0, 2, 3)}),
        ("LogsumexpBackward0", "logsumexp.default", {"self": real(3, 4), "dim": [1]}),
        ("LogsumexpBackward0", "logsumexp.default", {"self": real(3, 4), "dim": [0], "keepdim": True}),
        ("CumsumBackward0", "cumsum.default", {"self": real(3, 4), "dim": -1}),
        ("LinalgVectorNormBackward0", "linalg_vector_norm.default", {"self": real(3, 4)}),
        ("LinalgVectorNormBackward0", "linalg_vector_norm.default", {"self": real(3, 4), "ord": 3, "dim": [1]}),
        ("LinalgVectorNormBackward0", "linalg_vector_norm.default", {"self": real(3, 4), "ord": 1, "dim": [0]}),
        ("LinalgVectorNormBackward0", "linalg_vector_norm.default", {"self": exact(0, 0)}),
        ("SafeSoftmaxBackward0", "_safe_softmax.default", {"self": real(3, 4), "dim": -1}),
        ("SafeSoftmaxBackward0", "_safe_softmax.default", {"self": exact(-torch.inf, -torch.inf), "dim": 0}),
        (
            "NativeLayerNormBackward0",
            "native_layer_norm.default",
            {"input": real(2, 3, 4), "normalized_shape": [4], "eps": 1e-5, **norm},
        ),
        (
            "NativeLayerNormBackward0",
            "native_layer_norm.default",
            {"input": real(2, 3, 4), "normalized_shape": [3, 4], "weight": None, "bias": None, "eps": 1e-3},
        ),
        (
            "NativeGroupNormBackward0",
            "native_group_norm.default",
            {"input": real(2, 4, 3), "N": 2, "C": 4, "HxW": 3, "group": 2, "eps": 1e-5, **norm},
        ),
        (
            "NativeBatchNormBackward0",
            "native_batch_norm.default",
            {"input": real(3, 4, 2), "running_mean": None, "running_var": None, "training": True, **norm, **batch},
        ),
        (
            "NativeBatchNormBackward0",
            "native_batch_norm.default",
            {
                "input": real(3, 4),
                "running_mean": torch.randn(4, dtype=torch.float64),
                "running_var": torch.rand(4, dtype=torch.float64) + 0.5,
                "training": False,
                **norm,
                **batch,
            },
        ),
    ]


def _convolution(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor | None, **how: Any) -> Case:
    space = x.dim() - 2
    usual = {"stride": [1] * space, "padding": [0] * space, "dilation": [1] * space, "transposed": False}
    arguments = {"input": x, "weight": w, "bias": b, **usual, "output_padding": [0] * space, "groups": 1, **how}
    return "ConvolutionBackward0", "convolution.default", arguments


def _products() -> list[Case]:
    flash = "_scaled_dot_product_flash_attention_for_cpu.default"
    node = "ScaledDotProductFlashAttentionForCpuBackward0"
    qkv = {"query": real(2, 2, 5, 4), "key": real(2, 2, 5, 4), "value": real(2, 2, 5, 4)}
    images = real(2, 3, 6, 7)
    pool = {"kernel_size": [2, 3], "stride": [1, 2], "padding": [1, 1]}
    return [
        ("MmBackward0", "mm.default", {"self": real(2, 3), "mat2": real(3, 4)}),
        ("MmBackward0", "mm.default", {"self": real(1, 1), "mat2": real(1, 4)}),
        ("BmmBackward0", "bmm.default", {"self": real(2, 3, 4), "mat2": real(2, 4, 5)}),
        ("MvBackward0", "mv.default", {"self": real(3, 4), "vec": real(4)}),
        ("DotBackward0", "dot.default", {"self": real(4), "tensor": real(4)}),
        ("AddmmBackward0", "addmm.default", {"self": real(4), "mat1": real(2, 3), "mat2": real(3, 4)}),
        (
            "AddmmBackward0",
            "addmm.default",
            {"self": real(2, 4), "mat1": real(2, 3), "mat2": real(3, 4), "beta": 0.5, "alpha": 2.0},
        ),
        (
            "BaddbmmBackward0",
            "baddbmm.default",
            {"self": real(4), "batch1": real(2, 3, 5), "batch2": real(2, 5, 4), "beta": 0.5, "alpha": 2.0},
        ),
        _convolution(images, real(4, 3, 3, 2), real(4)),
        _convolution(images, real(4, 3, 3, 2), None, stride=[2, 3], padding=[1, 2], dilation=[2, 1]),
        _convolution(real(2, 4, 7), real(6, 2, 3), real(6), groups=2, stride=[2]),
        _convolution(real(1, 2, 4, 3, 5), real(2, 2, 2, 2, 2), real(2)),
        _convolution(real(2, 4, 5), real(4, 3, 3), real(6), transposed=True, groups=2, stride=[2], output_padding=[1]),
        _convolution(real(1, 2, 3, 4), real(2, 3, 2, 3), None, transposed=True, padding=[1, 0], dilation=[2, 1]),
        ("MaxPool2DWithIndicesBackward0", "max_pool2d_with_indices.default", {"self": images, **pool}),
        (
            "MaxPool2DWithIndicesBackward0",
            "max_pool2d_with_indices.default",
            {"self": real(3, 6, 6), "kernel_size": [2, 2], "stride": [2, 2]},
        ),
        ("AvgPool2DBackward0", "avg_pool2d.default", {"self": images, **pool}),
        ("AvgPool2DBackward0", "avg_pool2d.default", {"self": images, "kernel_size": [2, 2]}),
        (node, flash, qkv),
        (node, flash, {**qkv, "is_causal": True}),
        (node, flash, {**qkv, "scale": 0.3, "attn_mask": torch.randn(2, 2, 5, 5, dtype=torch.float64)}),
    ]


def _losses() -> list[Case]:
    cases: list[Case] = []
    for reduction in (0, 1, 2):
        cases += [
            (
                "MseLossBackward0",
                "mse_loss.default",
                {"self": real(3, 4), "target": real(3, 4), "reduction": reduction},
            ),
            (
                "SmoothL1LossBackward0",
                "smooth_l1_loss.default",
                {"self": real(9), "target": real(9), "reduction": reduction, "beta": 0.7},
            ),
            (
                "HuberLossBackward0",
                "huber_loss.default",
                {"self": real(9), "target": real(9), "reduction": reduction, "delta": 0.6},
            ),
            (
                "BinaryCrossEntropyBackward0",
                "binary_cross_entropy.default",
                {"self": unit(3, 2), "target": unit(3, 2), "weight": unit(3, 2).detach(), "reduction": reduction},
            ),
            (
                "BinaryCrossEntropyWithLogitsBackward0",
                "binary_cross_entropy_with_logits.default",
                {
                    "self": real(3, 2),
                    "target": unit(3, 2),
                    "weight": unit(3, 2).detach(),
                    "pos_weight": unit(2).detach(),
                    "reduction": reduction,
                },
            ),
            (
                "NllLossBackward0",
                "nll_loss_forward.default",
                {
                    "self": real(4, 5),
                    "target": torch.tensor([0, 2, 2, 4]),
                    "weight": positive(5).detach(),
                    "reduction": reduction,
                    "ignore_index": 4,
                },
            ),
            (
                "NllLoss2DBackward0",
                "nll_loss2d_forward.default",
                {
                    "self": real(2, 3, 4, 2),
                    "target": whole(3, 2, 4, 2),
                    "weight": None,
                    "reduction": reduction,
                    "ignore_index": -100,
                },
            ),
        ]
    return [
        *cases,
        ("MseLossBackward0", "mse_loss.default", {"self": real(), "target": real()}),
        ("BinaryCrossEntropyBackward0", "binary_cross_entropy.default", {"self": unit(4), "target": unit(4)}),
        (
            "BinaryCrossEntropyBackward0",
            "binary_cross_entropy.default",
            {"self": exact(0, 1, 0.5), "target": torch.tensor([0.0, 1.0, 1.0], dtype=torch.float64)},
        ),
        (
            "BinaryCrossEntropyWithLogitsBackward0",
            "binary_cross_entropy_with_logits.default",
            {"self": exact(-40, 40, 0), "target": exact(1, 0, 1)},
        ),
        (
            "NllLossBackward0",
            "nll_loss_forward.default",
            {"self": real(5), "target": torch.tensor(2), "weight": None, "reduction": 1, "ignore_index": -100},
        ),
    ]


def every_case() -> list[Case]:
    """All cases, with the same random values every time."""
    torch.manual_seed(0)
    return [*_binary(), *_unary(), *_rearranging(), *_reducing(), *_products(), *_losses()]
