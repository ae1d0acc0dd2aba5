"""Every command as data: what it is called, what it does, its keys, when it can be used, and in which menu it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gui.edit_command_list import EDIT_COMMANDS, EDIT_MENU

Condition = Literal[
    "",  # always
    "open",  # a target is open: a trace, a run, or a program that runs now
    "trace",  # a trace is shown
    "forward",  # there is a step ahead of the cursor
    "back",  # there is one behind it
    "steps",  # there is any
    "selected",  # a node is selected to which something happens, or a run was stopped on its way to one
    "breakpoints",  # there is a breakpoint
    "stops",  # an enabled one stops somewhere in the open trace
    "rerunnable",  # the open target is a program
    "running",  # a worker runs it now
    "training",  # a training runs or is held
    "held",  # a training is held
    "undo",
    "redo",
    "picked",  # a box of the graph can be asked about: the selected one, else the current step's
    "pathed",  # the same, and a node to show paths from was chosen
    "hits",  # a search has found nodes
    "visited",  # there is a place to go back to
    "ahead",  # there is one to go forward to
    "moved",  # a box was moved by hand
    "editable",  # a node is in focus, and the program can be run again with edits
    "editable_gradient",  # the same, and a gradient arrives at that node
    "editable_program",  # the program can be run again with edits
    "edits",  # there are edits
    "edited",  # there is a trace with edits
]

SEPARATOR = "-"


@dataclass(frozen=True)
class Command:
    """One thing that the user can tell the window to do.

    `callback` is the name of the method that does it, on the object given to `ActionSet`. `help` says what it does, for
    tool tips, the palette and the shortcut sheet; `short` is the text on a button. Of several commands with the same
    `choice` exactly one is checked.
    """

    id: str
    title: str
    callback: str
    help: str
    shortcuts: tuple[str, ...] = ()
    icon: str = ""
    short: str = ""
    when: Condition = ""
    choice: str = ""
    keywords: str = ""


def _command(id: str, title: str, help: str, *shortcuts: str, **more: str) -> Command:  # noqa: A002 - as the fields
    more.setdefault("callback", id)
    return Command(id=id, title=title, help=help, shortcuts=shortcuts, **more)  # type: ignore[arg-type] # fields by name


COMMANDS: tuple[Command, ...] = (
    _command("open_file", "Open…", "Open a trace, a script, a model or a log", "Ctrl+O", icon="open"),
    _command("open_folder", "Open log folder…", "Open a folder of training logs", "Ctrl+Shift+O", icon="open"),
    _command("save_trace", "Save trace…", "Save what was recorded as a file", "Ctrl+S", icon="save", when="trace"),
    _command(
        "export_graph",
        "Export graph…",
        "Save the graph as a picture or as data",
        "Ctrl+E",
        icon="export",
        when="trace",
        keywords="svg png pdf dot graphml mermaid json image",
    ),
    _command(
        "export_view",
        "Export view…",
        "Save the part of the graph that is in view as a picture",
        "Ctrl+Shift+E",
        icon="export",
        when="trace",
        keywords="svg png pdf image section",
    ),
    _command(
        "run_again", "Run again", "Run the program once more", "Ctrl+R", "F5", icon="run-again", when="rerunnable"
    ),
    _command("stop", "Stop", "Stop the program that runs", "Ctrl+.", icon="stop", when="running"),
    _command("close_target", "Close", "Close what is open", "Ctrl+W", icon="close", when="open"),
    _command("quit", "Quit", "Leave Retrograd", "Ctrl+Q"),
    _command("undo", "Undo", "Take the last change back", "Ctrl+Z", icon="undo", when="undo"),
    _command("redo", "Redo", "Make the change again", "Ctrl+Shift+Z", "Ctrl+Y", icon="redo", when="redo"),
    _command(
        "show_palette", "Find…", "Find a command, a node or a variable", "Ctrl+K", "/", "Ctrl+Shift+P", icon="search"
    ),
    _command("deselect", "Clear", "Clear what is marked, then the selection", "Esc", when="trace"),
    _command("go_back", "Back", "Go back to the place before", "Alt+Left", when="visited"),
    _command("go_forward", "Forward", "Go to the place that was gone back from", "Alt+Right", when="ahead"),
    _command("find_next", "Next found", "Go to the next node that was found", "F3", when="hits"),
    _command("find_previous", "Previous found", "Go to the one before", "Shift+F3", when="hits"),
    _command(
        "show_dependencies",
        "Show what this depends on",
        "Dim everything that it is not computed from",
        "Ctrl+Up",
        when="picked",
        keywords="ancestors inputs producers",
    ),
    _command(
        "show_dependents",
        "Show what depends on this",
        "Dim everything that is not computed from it",
        "Ctrl+Down",
        when="picked",
        keywords="descendants outputs consumers",
    ),
    _command(
        "show_path_to_loss",
        "Show the path to the loss",
        "Dim everything that lies on no way to the loss",
        "L",
        when="picked",
        keywords="root reach",
    ),
    _command(
        "explain_gradient",
        "Why is it None, zero or NaN?",
        "Walk from the picked node back to what spoils its value or its gradient",
        "W",
        when="picked",
        keywords="why cause trace back missing vanished infinite explain gradient",
    ),
    _command("start_path", "Start a path here", "Choose one end of a path", "B", when="picked"),
    _command(
        "show_paths", "Show the paths to here", "Dim all but the ways from the path's start", "Shift+B", when="pathed"
    ),
    _command(
        "step_forward",
        "Step forward",
        "Take the next step: an operation, a backward step or an update",
        "Right",
        ".",
        "F11",
        icon="step-forward",
        short="Step",
        when="forward",
        keywords="into",
    ),
    _command(
        "step_back", "Step back", "Undo one step", "Left", ",", "Ctrl+F11", icon="step-back", short="Back", when="back"
    ),
    _command(
        "step_over",
        "Step over",
        "Take a whole module call as one step",
        "N",
        "F10",
        icon="step-over",
        when="forward",
        keywords="module next",
    ),
    _command(
        "step_back_over",
        "Step back over",
        "Undo a whole module call as one step",
        "Shift+N",
        "Ctrl+F10",
        icon="step-back-over",
        when="back",
        keywords="module previous reverse",
    ),
    _command(
        "step_out",
        "Step out",
        "Go to the end of the module call around the cursor",
        "U",
        "Shift+F11",
        icon="step-out",
        when="forward",
        keywords="module finish leave",
    ),
    _command(
        "step_back_out",
        "Step back out",
        "Go to the beginning of the module call around the cursor",
        "Shift+U",
        icon="step-back-out",
        when="back",
        keywords="module reverse leave",
    ),
    _command(
        "move_to_start",
        "To the start",
        "To where the backward pass begins; again: to where the forward pass does",
        "Home",
        icon="move-to-start",
        when="back",
    ),
    _command(
        "move_to_end",
        "To the end",
        "To where the pass ends; again: to the end of what follows",
        "End",
        icon="move-to-end",
        when="forward",
    ),
    _command(
        "toggle_play",
        "Play",
        "Play or pause, as far as the next breakpoint",
        "Space",
        icon="play",
        short="Play",
        when="steps",
    ),
    _command(
        "watch_value",
        "Watch the value",
        "Pin the current node's value to the watch list, or take it away",
        "P",
        when="trace",
        keywords="pin list tensor",
    ),
    _command(
        "watch_gradient",
        "Watch the gradient",
        "Pin its gradient to the watch list, or take it away",
        "Shift+P",
        when="trace",
        keywords="pin list tensor",
    ),
    _command(
        "run_to_selected",
        "Run to selected node",
        "Go on to where something happens to the selected node, as far as a breakpoint on the way; again: go on",
        "R",
        icon="run-to",
        short="Run to",
        when="selected",
    ),
    _command(
        "run_past_breakpoints",
        "Run to selected node at once",
        "Go on to the selected node without stopping at breakpoints",
        "Shift+R",
        when="selected",
        keywords="ignore",
    ),
    _command(
        "next_breakpoint",
        "Run to the next breakpoint",
        "Go on to where a breakpoint stops",
        "F8",
        icon="next-breakpoint",
        when="stops",
        keywords="continue resume",
    ),
    _command(
        "previous_breakpoint",
        "Run back to a breakpoint",
        "Go back to where a breakpoint stops",
        "Shift+F8",
        icon="previous-breakpoint",
        when="stops",
        keywords="reverse continue",
    ),
    _command(
        "toggle_breakpoint",
        "Breakpoint on this node",
        "Put a breakpoint on the selected or current node, or take it away",
        "F9",
        icon="breakpoint",
        when="picked",
        keywords="stop",
    ),
    _command(
        "break_on_condition",
        "Breakpoint on a condition…",
        "Stop wherever a condition such as grad.norm() > 10 holds",
        "Shift+F9",
        icon="condition",
        when="trace",
        keywords="expression nan conditional",
    ),
    _command(
        "toggle_breakpoints",
        "Switch breakpoints off or on",
        "Disable all breakpoints, or enable them again",
        "Ctrl+F9",
        when="breakpoints",
        keywords="enable disable",
    ),
    _command(
        "clear_breakpoints", "Remove all breakpoints", "Take every breakpoint away", "Ctrl+Shift+F9", when="breakpoints"
    ),
    _command("play_slower", "Play slower", "Fewer steps per second", "[", when="steps"),
    _command("play_faster", "Play faster", "More steps per second", "]", when="steps"),
    _command(
        "pause_training", "Hold the training", "Hold it and record this step", "Ctrl+P", icon="pause", when="training"
    ),
    _command(
        "resume_training", "Go on training", "Let the held training run", "Ctrl+Shift+R", icon="play", when="held"
    ),
    _command("step_training", "One training step", "Run and record one more training step", "Ctrl+Right", when="held"),
    *(
        _command(name, title, tip, *keys, when=when, keywords="what if edit")
        for name, title, tip, keys, when in EDIT_COMMANDS
    ),
    _command("fit", "Fit graph", "Show the whole graph", "F", icon="fit", when="trace", keywords="zoom all"),
    _command("zoom_in", "Zoom in", "Draw the graph larger", "Ctrl++", "Ctrl+=", when="trace"),
    _command("zoom_out", "Zoom out", "Draw the graph smaller", "Ctrl+-", when="trace"),
    _command("center_focus", "Centre the current node", "Bring it to the middle", "C", when="trace"),
    _command("reset_positions", "Reset positions", "Put boxes moved by hand back", when="moved"),
    _command("fold_all", "Fold all", "One box for each module", "Ctrl+Shift+F", icon="fold", when="trace"),
    _command("unfold_all", "Unfold all", "Open every module", "Ctrl+Shift+U", icon="unfold", when="trace"),
    _command(
        "show_modules", "Show modules", "One box for each module", "1", icon="depth", when="trace", choice="depth"
    ),
    _command(
        "show_functions",
        "Show functions",
        "One box for each function that the code calls",
        "2",
        icon="depth",
        when="trace",
        choice="depth",
        keywords="depth linear cross_entropy",
    ),
    _command(
        "show_operations",
        "Show operations",
        "Every operation that PyTorch ran",
        "3",
        icon="depth",
        when="trace",
        choice="depth",
        keywords="depth aten ops",
    ),
    _command("unfold_only", "Unfold only this", "Open what is picked and fold everything else", "O", when="picked"),
    _command(
        "unfold_others", "Unfold all but this", "Fold what is picked and open everything else", "Shift+O", when="picked"
    ),
    _command(
        "theme_system", "Follow the system", "Light or dark as the system is", icon="theme-system", choice="theme"
    ),
    _command("theme_light", "Light", "Light colours", icon="theme-light", choice="theme", keywords="theme"),
    _command("theme_dark", "Dark", "Dark colours", icon="theme-dark", choice="theme", keywords="theme"),
    _command("toggle_theme", "Switch light and dark", "Switch the theme", "Ctrl+Shift+T", icon="theme-light"),
    _command("reset_layout", "Reset the panels", "Put every panel back to its first place"),
    _command("show_shortcuts", "Keyboard shortcuts", "Every key at a glance", "F1", "?", icon="keyboard"),
    _command("show_log", "Show the log file", "Open the folder of the window's log", icon="file"),
    _command("about", "About Retrograd", "Version and licence", icon="info"),
)

# A name in angle brackets is a submenu that the window fills.
MENUS: Mapping[str, tuple[str, ...]] = {
    "&File": (
        *(
            "open_file",
            "open_folder",
            "<Open a demo>",
            "<Open recent>",
            SEPARATOR,
            "save_trace",
            "export_graph",
            "export_view",
            SEPARATOR,
        ),
        *("run_again", "stop", SEPARATOR, "close_target", "quit"),
    ),
    "&Edit": ("undo", "redo", SEPARATOR, "show_palette", "deselect"),
    "&Go": (
        *("go_back", "go_forward", SEPARATOR, "find_next", "find_previous", SEPARATOR, "show_dependencies"),
        *("show_dependents", "show_path_to_loss", "explain_gradient", SEPARATOR, "start_path", "show_paths"),
    ),
    "&Step": (
        *("step_forward", "step_back", "step_over", "step_back_over", "step_out", "step_back_out", SEPARATOR),
        *("move_to_start", "move_to_end", "run_to_selected", "run_past_breakpoints", SEPARATOR),
        *("toggle_play", "play_slower", "play_faster"),
        *(SEPARATOR, "watch_value", "watch_gradient"),
    ),
    "&Breakpoints": (
        *("toggle_breakpoint", "break_on_condition", SEPARATOR, "next_breakpoint", "previous_breakpoint", SEPARATOR),
        *("toggle_breakpoints", "clear_breakpoints"),
    ),
    "&What if": EDIT_MENU,
    "&Training": ("pause_training", "resume_training", "step_training"),
    "&View": (
        *("fit", "zoom_in", "zoom_out", "center_focus", SEPARATOR, "fold_all", "unfold_all", "unfold_only"),
        *("unfold_others", SEPARATOR, "show_modules", "show_functions", "show_operations", "<Depth>", SEPARATOR),
        *("<Layout>", "<Overlay>", "reset_positions", SEPARATOR, "toggle_theme", "<Theme>", "<Panels>", "reset_layout"),
    ),
    "&Help": ("show_shortcuts", "show_log", SEPARATOR, "about"),
}
THEME_COMMANDS = ("theme_system", "theme_light", "theme_dark")
