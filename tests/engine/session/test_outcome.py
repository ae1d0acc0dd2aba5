"""Every way to end has a sentence that says what happened and what to do."""

from __future__ import annotations

import signal

import pytest

from engine.session.outcome import describe, stack_in

CRASH = """some line of the program
Fatal Python error: Segmentation fault

Current thread 0x0001 (most recent call first):
  File "train.py", line 3 in crash
"""


def test_a_program_that_ran_to_its_end() -> None:
    outcome = describe(0, finished="")
    assert (outcome.kind, outcome.message, outcome.exit_code) == ("finished", "The program ran to its end.", 0)


def test_a_failure_is_told_in_the_programs_words() -> None:
    outcome = describe(1, finished="", failure="ValueError at train.py, line 3: no")
    assert (outcome.kind, outcome.message) == ("failed", "ValueError at train.py, line 3: no")


def test_a_crash_names_the_signal_and_shows_the_stack() -> None:
    outcome = describe(-signal.SIGSEGV, stderr=CRASH)
    assert (outcome.kind, outcome.signal, outcome.exit_code) == ("crashed", "SIGSEGV", None)
    assert "segmentation fault" in outcome.message
    assert outcome.stack.startswith("Fatal Python error")
    assert outcome.stack.endswith("line 3 in crash")


def test_sigkill_by_another_hand_means_that_the_memory_ran_out() -> None:
    assert "probably because the memory ran out" in describe(-signal.SIGKILL).message


@pytest.mark.parametrize("returncode", [-signal.SIGKILL, -signal.SIGTERM, 0, 130, None])
def test_a_stop_is_a_stop_however_it_was_done(returncode: int | None) -> None:
    assert describe(returncode, was_stopped=True).kind == "stopped"


def test_an_abrupt_exit_is_named() -> None:
    outcome = describe(9)
    assert outcome.exit_code == 9
    assert "exit code 9 (os._exit" in outcome.message


def test_a_worker_that_cannot_import_torch_says_what_python_said() -> None:
    outcome = describe(1, is_ready=False, stderr="Traceback ...\nModuleNotFoundError: No module named 'torch'\n")
    assert outcome.kind == "start_failed"
    assert "No module named 'torch'" in outcome.message
    assert "import torch" in outcome.message


def test_a_broken_channel_is_told_as_one() -> None:
    outcome = describe(-signal.SIGKILL, channel_error="The channel carries something that is no message.")
    assert outcome.kind == "lost"
    assert "something that is no message" in outcome.message


def test_a_crash_after_the_end_does_not_undo_the_end() -> None:
    outcome = describe(-signal.SIGSEGV, finished="")
    assert outcome.kind == "finished"
    assert "SIGSEGV while it was leaving" in outcome.message


def test_signals_without_a_name_have_a_number() -> None:
    assert describe(-200).signal == "signal 200"


def test_output_without_a_crash_has_no_stack() -> None:
    assert stack_in("all is well") == ""
