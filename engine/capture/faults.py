"""What happens when recording itself fails: the program goes on, and the trace says what is missing."""

from __future__ import annotations


def fault_note(what: str, error: BaseException) -> str:
    """A sentence for a trace's notes about something that could not be recorded."""
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
    return f"{what} could not be recorded, because Retrograd failed there ({type(error).__name__}: {reason})."
