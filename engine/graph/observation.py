"""`Observation`: what a recording saw of the program besides its operations. No torch, no Qt."""

from __future__ import annotations

from typing import Literal

import msgspec

from .model import Source
from .values import Values

ObservationKind = Literal[
    "optimizer",
    "parameters",
    "unused",
    "unreached",
    "optimizer-step",
    "grad-off",
    "ran-without-grad",
    "changed-saved",
    "freed-saved",
    "grad-read",
    "grad-kept",
    "second-backward",
    "reached-later",
    "graph-retained",
    "hook",
    "update",
    "no-update",
]


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """One fact about the program that ran; what follows from it is for a diagnosis to say.

    Attributes
    ----------
    kind : what was seen.

        - "optimizer": an optimizer (`text`) was alive at the backward pass, and holds the leaves `nodes`
        - "parameters": `nodes` are the leaves that are instances of nn.Parameter
        - "unused": `nodes` are leaves that no recorded operation read, but for writes that initialised them: parameters
          of the modules that ran, or that were made
        - "unreached": `nodes` are leaves that operations read, none of which the root depends on
        - "optimizer-step": an optimizer (`text`) took a step since the backward pass before this one
        - "grad-off": gradients were switched off when backward() was called
        - "ran-without-grad": the operation `text` read leaves while gradients were switched off, and was not recorded
        - "changed-saved": what node `nodes[0]` had saved under the name `text` was changed in place since
        - "freed-saved": what node `nodes[0]` had saved under the name `text` was freed by an earlier backward pass
        - "grad-read": the program read `.grad` of the non-leaf `nodes[0]`, the expression `text`, and got None
        - "grad-kept": when the next backward pass began, `.grad` of `nodes` still held this pass's gradient; `text` is
          the optimizer that took a step in between, empty where none did
        - "second-backward": the next backward pass went through `nodes` again and failed with the error `text`; where
          its root has no history, `nodes` are the leaves that are gone by then
        - "reached-later": `nodes` are leaves that got a gradient in the pass that followed, or in another one that the
          program ran itself
        - "graph-retained": backward() was told to keep the graph (retain_graph or create_graph)
        - "hook": the program's own hook `text` on `nodes[0]` may change the gradient that arrives there
        - "update": an optimizer (`text`) changed the leaves `nodes` after the backward pass, by `amounts`
        - "no-update": no update followed the backward pass; `text` is a sentence that says why
    nodes : ids of the nodes that it is about.
    amounts : norm of the change of each of `nodes`, in an "update"; None where it was not measured.
    after : the values of each of `nodes` right after an "update"; None where they were not kept.
    source : where in the program, if known.
    """

    kind: ObservationKind
    nodes: tuple[int, ...] = ()
    text: str = ""
    source: Source | None = None
    amounts: tuple[float | None, ...] = ()
    after: tuple[Values | None, ...] = ()
