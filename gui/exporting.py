"""Saving the graph: as a picture through the canvas's painter, or as text for other tools."""

from __future__ import annotations

from pathlib import Path

from engine.errors import TargetError
from engine.graph.trace import Trace
from gui.canvas.widget import GraphCanvas

PICTURES = (".svg", ".png", ".pdf")
TEXTS = (".dot", ".graphml", ".mmd", ".json")


def export_graph(canvas: GraphCanvas, trace: Trace, path: Path, *, is_view: bool = False) -> None:
    """Write the graph in the format that the suffix of `path` says; a picture looks as the canvas does now.

    With `is_view` a picture shows only what is in view.

    Raises
    ------
    RetrogradError
        For any other suffix, and where the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix in PICTURES:
        from gui.canvas.export import export_image

        export_image(
            trace,
            path,
            theme=canvas.theme,
            step=canvas.document.cursor,
            folds=canvas.folds,
            overlay_name=canvas.overlay,
            scene=canvas.scene,
            region=canvas.view.region if is_view else None,
        )
    elif suffix in TEXTS:
        from engine.graph.export import to_dot, to_graphml, to_json, to_mermaid
        from engine.storage.atomic import write_atomically

        write = {".dot": to_dot, ".graphml": to_graphml, ".mmd": to_mermaid, ".json": to_json}[suffix]
        write_atomically(path, [write(trace.graph).encode()])
    else:
        raise TargetError(
            f"A graph is saved as one of {', '.join(PICTURES + TEXTS)}, not as {path.suffix or 'nothing'}."
        )
