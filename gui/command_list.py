"""Every command of the window, and in which menu it is."""

from __future__ import annotations

from collections.abc import Mapping

from gui.command import SEPARATOR, Command, command
from gui.edit_command_list import EDIT_COMMANDS, EDIT_MENU
from gui.step_command_list import BREAKPOINT_MENU, STEP_COMMANDS, STEP_MENU

COMMANDS: tuple[Command, ...] = (
    command("new_window", "New window", "Open another window beside this one", "Ctrl+N", icon="open"),
    command("open_file", "Open…", "Open a trace, a script, a model or a log", "Ctrl+O", icon="open"),
    command("open_folder", "Open log folder…", "Open a folder of training logs", "Ctrl+Shift+O", icon="open"),
    command("save_trace", "Save trace…", "Save what was recorded as a file", "Ctrl+S", icon="save", when="trace"),
    command(
        "export_graph",
        "Export graph…",
        "Save the graph as a picture or as data",
        "Ctrl+E",
        icon="export",
        when="trace",
        keywords="svg png pdf dot graphml mermaid json image",
    ),
    command(
        "export_view",
        "Export view…",
        "Save the part of the graph that is in view as a picture",
        "Ctrl+Shift+E",
        icon="export",
        when="trace",
        keywords="svg png pdf image section",
    ),
    command("run_again", "Run again", "Run the program once more", "Ctrl+R", "F5", icon="run-again", when="rerunnable"),
    command(
        "run_with_arguments",
        "Run with arguments…",
        "Run the script with arguments, as after its name in a terminal",
        "Shift+F5",
        icon="run-again",
        when="script",
        keywords="argv argparse parameters options",
    ),
    command(
        "rerun_when_saved",
        "Run again when saved",
        "Run the program again by itself whenever its file is saved; a training is not ended for it",
        switch=True,
        keywords="reload automatic watch file",
    ),
    command("stop", "Stop", "Stop the program that runs", "Ctrl+.", icon="stop", when="running"),
    command("close_target", "Close", "Close what is open", "Ctrl+W", icon="close", when="open"),
    command("quit", "Quit", "Leave Retrograd", "Ctrl+Q"),
    command("undo", "Undo", "Take the last change back", "Ctrl+Z", icon="undo", when="undo"),
    command("redo", "Redo", "Make the change again", "Ctrl+Shift+Z", "Ctrl+Y", icon="redo", when="redo"),
    command(
        "show_palette",
        "Find…",
        "Find a command, a node, a variable or a module",
        "Ctrl+K",
        "/",
        "Ctrl+Shift+P",
        icon="search",
    ),
    command("deselect", "Clear", "Clear what is marked, then the selection", "Esc", when="trace"),
    command("go_back", "Back", "Go back to the place before", "Alt+Left", when="visited"),
    command("go_forward", "Forward", "Go to the place that was gone back from", "Alt+Right", when="ahead"),
    command("find_next", "Next found", "Go to the next node that was found", "F3", when="hits"),
    command("find_previous", "Previous found", "Go to the one before", "Shift+F3", when="hits"),
    command(
        "show_dependencies",
        "Show what this depends on",
        "Dim everything that it is not computed from",
        "Ctrl+Up",
        when="picked",
        keywords="ancestors inputs producers",
    ),
    command(
        "show_dependents",
        "Show what depends on this",
        "Dim everything that is not computed from it",
        "Ctrl+Down",
        when="picked",
        keywords="descendants outputs consumers",
    ),
    command(
        "show_path_to_loss",
        "Show the path to the loss",
        "Dim everything that lies on no way to the loss",
        "L",
        when="picked",
        keywords="root reach",
    ),
    command(
        "explain_gradient",
        "Why is its gradient so?",
        "Walk from the picked node back to what spoils its gradient, or makes it small or large",
        "W",
        when="picked",
        keywords="why cause trace back missing vanishing exploding infinite explain gradient size",
    ),
    command("start_path", "Start a path here", "Choose one end of a path", "B", when="picked"),
    command(
        "show_paths", "Show the paths to here", "Dim all but the ways from the path's start", "Shift+B", when="pathed"
    ),
    *STEP_COMMANDS,
    command(
        "pause_training", "Hold the training", "Hold it and record this step", "Ctrl+P", icon="pause", when="training"
    ),
    command("resume_training", "Go on training", "Let the held training run", "Ctrl+Shift+R", icon="play", when="held"),
    command("step_training", "One training step", "Run and record one more training step", "Ctrl+Right", when="held"),
    command(
        "run_on_to_step",
        "Run on to step…",
        "Let the training run as far as a step, record that one, and hold there",
        "Ctrl+Shift+Right",
        when="ongoing",
        keywords="hold at step until number continue",
    ),
    *(
        command(name, title, tip, *keys, when=when, keywords="what if edit")
        for name, title, tip, keys, when in EDIT_COMMANDS
    ),
    command("fit", "Fit graph", "Show the whole graph", "F", icon="fit", when="trace", keywords="zoom all"),
    command("zoom_in", "Zoom in", "Draw the graph larger", "Ctrl++", "Ctrl+=", when="trace"),
    command("zoom_out", "Zoom out", "Draw the graph smaller", "Ctrl+-", when="trace"),
    command("center_focus", "Centre the current node", "Bring it to the middle", "C", when="trace"),
    command(
        "toggle_legend",
        "Legend",
        "Show or hide what boxes, lines and colours mean",
        "K",
        when="trace",
        keywords="kinds colours scale key",
    ),
    command(
        "toggle_map",
        "Map",
        "Show or hide the small picture of the whole graph",
        "M",
        when="trace",
        keywords="minimap overview",
    ),
    command("reset_positions", "Reset positions", "Put boxes moved by hand back", when="moved"),
    command("fold_all", "Fold all", "One box for each module", "Ctrl+Shift+F", icon="fold", when="trace"),
    command("unfold_all", "Unfold all", "Open every module", "Ctrl+Shift+U", icon="unfold", when="trace"),
    command("show_modules", "Show modules", "One box for each module", "1", icon="depth", when="trace", choice="depth"),
    command(
        "show_functions",
        "Show functions",
        "One box for each function that the code calls",
        "2",
        icon="depth",
        when="trace",
        choice="depth",
        keywords="depth linear cross_entropy",
    ),
    command(
        "show_operations",
        "Show operations",
        "Every operation that PyTorch ran",
        "3",
        icon="depth",
        when="trace",
        choice="depth",
        keywords="depth aten ops",
    ),
    command("unfold_only", "Unfold only this", "Open what is picked and fold everything else", "O", when="picked"),
    command(
        "unfold_others", "Unfold all but this", "Fold what is picked and open everything else", "Shift+O", when="picked"
    ),
    command("theme_system", "Follow the system", "Light or dark as the system is", icon="theme-system", choice="theme"),
    command("theme_light", "Light", "Light colours", icon="theme-light", choice="theme", keywords="theme"),
    command("theme_dark", "Dark", "Dark colours", icon="theme-dark", choice="theme", keywords="theme"),
    command("toggle_theme", "Switch light and dark", "Switch the theme", "Ctrl+Shift+T", icon="theme-light"),
    command("reset_layout", "Reset the panels", "Put every panel back to its first place"),
    command("show_shortcuts", "Keyboard shortcuts", "Every key at a glance", "F1", "?", icon="keyboard"),
    command("show_log", "Show the log file", "Open the folder of the window's log", icon="file"),
    command("about", "About Retrograd", "Version and licence", icon="info"),
)

# A name in angle brackets is a submenu that the window fills.
MENUS: Mapping[str, tuple[str, ...]] = {
    "&File": (
        *(
            "new_window",
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
        *("run_again", "run_with_arguments", "rerun_when_saved", "stop", SEPARATOR, "close_target", "quit"),
    ),
    "&Edit": ("undo", "redo", SEPARATOR, "show_palette", "deselect"),
    "&Go": (
        *("go_back", "go_forward", SEPARATOR, "find_next", "find_previous", SEPARATOR, "show_dependencies"),
        *("show_dependents", "show_path_to_loss", "explain_gradient", SEPARATOR, "start_path", "show_paths"),
    ),
    "&Step": STEP_MENU,
    "&Breakpoints": BREAKPOINT_MENU,
    "&What if": EDIT_MENU,
    "&Training": ("pause_training", "resume_training", "step_training", "run_on_to_step"),
    "&View": (
        *("fit", "zoom_in", "zoom_out", "center_focus", SEPARATOR, "fold_all", "unfold_all", "unfold_only"),
        *("unfold_others", SEPARATOR, "show_modules", "show_functions", "show_operations", "<Depth>", SEPARATOR),
        *("<Layout>", "<Overlay>", "reset_positions", "toggle_legend", "toggle_map", SEPARATOR),
        *("toggle_theme", "<Theme>", "<Panels>", "reset_layout"),
    ),
    "&Help": ("show_shortcuts", "show_log", SEPARATOR, "about"),
}
THEME_COMMANDS = ("theme_system", "theme_light", "theme_dark")
