"""After a window that was killed: says at the next start what its training had recorded, and shows it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from engine.errors import LogError
from engine.session.folders import JOURNAL_NAME, default_base, interrupted_runs, note_end
from gui.widgets.notification import Notification

if TYPE_CHECKING:
    from gui.window import MainWindow


class Interrupted(NamedTuple):
    """A training whose window ended before it: its folder, what it was, and how much of it is kept."""

    folder: Path
    title: str
    losses: int
    last_step: int


def find_interrupted(base: Path) -> list[Interrupted]:
    """The trainings in `base` whose end nobody saw, oldest first; each is found once."""
    from engine.session.journal import read_losses

    found = []
    for folder in interrupted_runs(base):
        try:
            journal = read_losses(folder / JOURNAL_NAME)
        except LogError:
            note_end(folder)  # it recorded nothing
            continue
        if len(journal.losses):
            target = journal.run.target if journal.run is not None else folder.name
            found.append(Interrupted(folder, Path(target).name, len(journal.losses), int(journal.steps[-1])))
        note_end(folder)
    return found


def offer_recovery(window: MainWindow) -> None:
    """Look in the background; nothing is said where every run was seen to its end."""

    def then(found: list[Interrupted]) -> None:
        if not found:
            return
        last = found[-1]
        text = f"{last.title} was training when its window ended. Its {last.losses:,} losses are kept."
        where = f"up to step {last.last_step:,}, in {last.folder}"
        if len(found) > 1:
            text = f"{len(found)} trainings ran when their windows ended. The last was {last.title}: " + (
                f"its {last.losses:,} losses are kept, and so are those of the others."
            )
        show = ("Show the losses", lambda: window.open_target(str(last.folder)))
        window.notify(Notification(text, "info", where, buttons=(show,), key="recovery", is_lasting=True))

    window.workspace.background.run(lambda: find_interrupted(default_base()), then, _ignore)


def _ignore(_error: Exception) -> None:
    """What cannot be read now is looked at again at the next start."""
