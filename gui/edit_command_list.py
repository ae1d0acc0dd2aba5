"""The commands of "what if" as data: id, title, help, keys, condition."""

from __future__ import annotations

EDIT_COMMANDS = (
    ("edit_value", "Edit the value", "Change the value of the selected leaf, input or number", ("E",), "editable"),
    (
        "zero_gradient",
        "Zero the gradient",
        "Go on with zeros from the selected node",
        ("Shift+Z",),
        "editable_gradient",
    ),
    ("scale_gradient", "Scale the gradient…", "Multiply the gradient at the selected node", (), "editable_gradient"),
    ("clip_gradient", "Clip the gradient…", "Limit the gradient's norm at the selected node", (), "editable_gradient"),
    ("replace_gradient", "Replace the gradient…", "Put other numbers in its place", (), "editable_gradient"),
    (
        "cut_outputs",
        "Cut what flows out",
        "Detach the selected node from its consumers, or cut the selected edge; again: join it",
        ("X",),
        "cuttable",
    ),
    (
        "toggle_requires_grad",
        "Requires grad",
        "Switch the selected leaf's gradient off or on",
        ("G",),
        "editable_leaf",
    ),
    ("change_seed", "Change the seed…", "Run the program with other random numbers", (), "editable_program"),
    ("toggle_edited", "Original or edited", "Show the program without the edits, or with them", ("T",), "edited"),
    ("reset_edits", "Reset all edits", "Take every edit back", (), "edits"),
)
EDIT_MENU = (
    *("edit_value", "toggle_requires_grad", "cut_outputs", "-", "zero_gradient", "scale_gradient", "clip_gradient"),
    *("replace_gradient", "-", "change_seed", "-", "toggle_edited", "reset_edits"),
)
