"""Hostile programs: whatever a script does, the supervisor answers, tells it in one sentence, and leaves no process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from engine.session.events import Output
from engine.session.journal import read_losses
from engine.session.messages import Failed, TraceReady
from tests.engine.session.watch import Watch

from .scripts import TRAIN, Script, _nothing_left_behind, is_gone, script, watch

__all__ = ["_nothing_left_behind", "script", "watch"]


# 1, 2: errors


def test_a_script_that_raises_is_marked_where_it_did_and_keeps_its_partial_graph(watch: Watch, script: Script) -> None:
    path = script(
        """
        import torch
        w = torch.ones(2, 3, requires_grad=True)
        def forward(x):
            h = x * w
            return h @ torch.ones(7)
        loss = forward(torch.ones(2, 3)).sum()
        """
    )
    outcome = watch.run(path)
    failed = watch.of(Failed)[0]
    assert (outcome.kind, outcome.message) == ("failed", failed.message)
    assert failed.message.startswith("RuntimeError at script.py, line 6")
    assert (failed.file, failed.line) == (str(path), 6)
    assert failed.traceback.startswith("Traceback (most recent call last):\n")
    assert "return h @ torch.ones(7)" in failed.traceback
    assert "retrograd" not in failed.traceback.lower()
    assert "engine/" not in failed.traceback
    assert failed.traceback in watch.output
    trace = watch.trace("failed")
    assert "aten.mul.Tensor" in [node.op for node in trace.graph.nodes]
    assert trace.error_source == (str(path), 6)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"x = 1\nprint('never')\ndef f(:\n", ["SyntaxError", "script.py, line 3", "def f(:"]),
        (b"print('never')\nx = '\xff\xfe'\n", ["script.py"]),
        (b"# -*- coding: no-such-code -*-\nprint('never')\n", ["no-such-code"]),
        (b"print('never')\x00", ["script.py"]),
        (b"print('never')\n  x = 1\n", ["IndentationError", "script.py, line 2"]),
    ],
)
def test_what_is_no_python_is_told_before_anything_runs(
    watch: Watch, tmp_path: Path, content: bytes, words: list[str]
) -> None:
    path = tmp_path / "script.py"
    path.write_bytes(content)
    outcome = watch.run(path)
    assert outcome.kind == "failed"
    for word in words:
        assert word in outcome.message
    assert watch.output == ""


# 3, 4: programs that do not end


def test_an_endless_loop_stops(watch: Watch, script: Script) -> None:
    watch.start(script("print('on and on', flush=True)\nwhile True: pass\n"))
    watch.wait(Output)
    watch.supervisor.stop()
    assert watch.outcome().kind == "stopped"


def test_a_script_that_refuses_to_end_is_killed_with_its_children(watch: Watch, script: Script) -> None:
    path = script(
        """
        import signal, subprocess, sys, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        stubborn = "import signal, time\\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\\ntime.sleep(600)"
        child = subprocess.Popen([sys.executable, "-c", stubborn], start_new_session=True)
        print(child.pid, flush=True)
        while True:
            try:
                while True: time.sleep(0.01)
            except:
                print("no", flush=True)
        """
    )
    watch.start(path)
    child = int(watch.wait(Output)[0].text)
    watch.supervisor.stop()
    assert watch.outcome().kind == "stopped"
    assert "no\n" in watch.output  # the interrupt came first
    assert is_gone(child)


# 5 to 9: programs that end in their own way


@pytest.mark.parametrize(
    ("code", "message", "exit_code"),
    [("0", "The script exited.", 0), ("3", "The script exited with code 3.", 3), ("'enough'", "exited: enough", 1)],
)
def test_an_exit_is_told_and_the_data_kept(
    watch: Watch, script: Script, code: str, message: str, exit_code: int
) -> None:
    outcome = watch.run(script(TRAIN + f"step(2)\nimport sys\nsys.exit({code})\n"))
    assert (outcome.kind, outcome.exit_code) == ("finished", exit_code)
    assert message in outcome.message
    assert watch.steps == [0]
    assert watch.trace("first").loss == 6.0


ABRUPT = {
    "os._exit": ("os._exit(9)", "finished", None, "exit code 9"),
    "segfault": ("import ctypes; ctypes.string_at(0)", "crashed", "SIGSEGV", "segmentation fault"),
    "abort": ("os.abort()", "crashed", "SIGABRT", "abort"),
    "memory": ("os.kill(os.getpid(), 9)", "killed", "SIGKILL", "probably because the memory ran out"),
}


@pytest.mark.parametrize("way", ABRUPT)
def test_an_abrupt_end_is_named_and_the_journal_is_complete(watch: Watch, script: Script, way: str) -> None:
    statement, kind, signal_name, words = ABRUPT[way]
    outcome = watch.run(script(TRAIN + f"import os\nfor k in range(40): step(k)\n{statement}\n"))
    assert (outcome.kind, outcome.signal) == (kind, signal_name)
    assert words in outcome.message
    assert outcome.journal is not None
    assert read_losses(outcome.journal).losses.tolist() == [3.0 * k for k in range(40)]
    if kind == "crashed":
        assert "Fatal Python error" in outcome.stack
        assert 'script.py", line 9' in outcome.stack
        assert "runner.py" not in outcome.stack


def test_running_out_of_memory_is_advice_and_the_next_run_works(watch: Watch, script: Script) -> None:
    outcome = watch.run(script("import torch\ntorch.empty(1 << 60)\n"))
    assert outcome.kind == "failed"
    assert "try a smaller batch" in outcome.message
    outcome = watch.run(script("huge = bytearray(1 << 62)\n"))
    assert outcome.message.startswith("MemoryError at script.py, line 1")
    assert "try a smaller batch" in outcome.message
    assert watch.run("demo:neuron").kind == "finished"


# 12, 13: output


def test_a_hundred_megabytes_of_output_are_bounded_here_and_whole_in_the_log(watch: Watch, script: Script) -> None:
    path = script(
        """
        import sys
        line = "x" * 1023 + "\\n"
        for _ in range(100 * 1024): sys.stdout.write(line)
        sys.stdout.write("the end\\n")
        """
    )
    outcome = watch.run(path)
    assert outcome.kind == "finished"
    assert outcome.log is not None
    assert 60 << 20 < Path(outcome.log).stat().st_size < 70 << 20
    assert "The log ends here" in Path(outcome.log).read_text()[-200:]
    shown = "".join(event.text for event in watch.of(Output) if event.stream == "stdout")
    assert len(shown) < 50 << 20
    assert shown.endswith("the end\n")
    assert "bytes of output are not shown here" in watch.output


def test_output_that_is_no_text_is_escaped(watch: Watch, script: Script) -> None:
    path = script(
        r"""
        import os
        os.write(1, b"\xff\xfe\x00 10%\r20%\r \x1b[31mred\x1b[0m \xe2\x82")
        os.write(1, b"\xac\n")
        print("\udc80 lone surrogate")
        """
    )
    assert watch.run(path).kind == "finished"
    assert "\\xff\\xfe\x00 10%\r20%\r \x1b[31mred\x1b[0m €\n" in watch.output
    assert "\\udc80 lone surrogate" in watch.output


# 14: our own descriptors


def test_a_script_that_closes_its_streams_trains_on(watch: Watch, script: Script) -> None:
    path = script(
        """
        import os, sys, torch
        os.close(1); os.close(2); os.close(0)
        w = torch.ones(3, requires_grad=True)
        for k in range(5): (w * k).sum().backward()
        """
    )
    assert watch.run(path).kind == "finished"
    assert watch.steps == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("deed", ["os.write(fd, b'I am not a message, I am a stray write ' * 10)", "os.close(fd)"])
def test_a_script_that_breaks_the_channel_is_stopped(watch: Watch, script: Script, deed: str) -> None:
    path = script(
        f"""
        import os, socket, stat, time
        for fd in range(3, 200):
            try:
                if stat.S_ISSOCK(os.fstat(fd).st_mode):
                    {deed}
            except OSError: pass
        while True: time.sleep(0.01)
        """
    )
    outcome = watch.run(path)
    assert outcome.kind == "lost"
    assert "connection to the program was lost" in outcome.message


# 17, 18, 19: what a script changes and what it imports


def test_a_script_that_turns_everything_over_is_still_watched(watch: Watch, script: Script, tmp_path: Path) -> None:
    here, environment, path_before = os.getcwd(), dict(os.environ), list(sys.path)
    (tmp_path / "elsewhere").mkdir()
    path = script(
        f"""
        import io, os, sys, threading, torch
        os.chdir({str(tmp_path / "elsewhere")!r}); os.rmdir({str(tmp_path / "elsewhere")!r})
        os.environ.clear(); sys.path.clear(); sys.argv = None
        sys.stdout = io.StringIO(); sys.stderr = None; sys.__stderr__ = None
        del sys.modules["__main__"]
        w = torch.ones(3, requires_grad=True)
        for k in range(3): (w * k).sum().backward()
        print("into nowhere")
        """
    )
    assert watch.run(path).kind == "finished"
    assert watch.steps == [0, 1, 2]
    assert watch.output == ""
    assert (os.getcwd(), dict(os.environ), sys.path) == (here, environment, path_before)


def test_the_users_own_engine_and_gui_are_imported(watch: Watch, script: Script, tmp_path: Path) -> None:
    (tmp_path / "engine.py").write_text("whose = 'the user\\'s engine'\n")
    (tmp_path / "gui").mkdir()
    (tmp_path / "gui" / "__init__.py").write_text("whose = 'the user\\'s gui'\n")
    path = script(
        """
        import sys
        print(sorted(name for name in sys.modules if name.split(".")[0] in ("engine", "gui")))
        import engine, gui
        print(engine.whose, "and", gui.whose)
        print(sys.argv, __name__, __file__, sys.path[0])
        """
    )
    assert watch.run(path, "--lr", "1").kind == "finished"
    assert watch.output.splitlines() == [
        "[]",
        "the user's engine and the user's gui",
        f"{[str(path), '--lr', '1']} __main__ {path} {tmp_path}",
    ]


def test_a_question_gets_a_clean_end_of_file(watch: Watch, script: Script) -> None:
    outcome = watch.run(script("name = input('Your name? ')\n"))
    assert "Your name? " in watch.output
    assert outcome.message.startswith("EOFError at script.py, line 1")
    assert "cannot ask for input" in outcome.message


# 20: no gradient


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("torch.set_grad_enabled(False)\nw = torch.ones(2, requires_grad=True)\nw * 2\n", "switched gradients off"),
        ("w = torch.ones(2, requires_grad=True)\nloss = (w * 2).sum()\n", "Call loss.backward()"),
    ],
)
def test_a_script_without_a_backward_pass_is_told_why(watch: Watch, script: Script, text: str, reason: str) -> None:
    outcome = watch.run(script("import torch\n" + text))
    assert outcome.kind == "finished"
    assert "never called backward()" in outcome.message
    assert reason in outcome.message
    if "Call loss" in reason:  # with gradients off all of it is set-up: there is nothing to draw
        assert any(reason in note for note in watch.trace("failed").notes)


def test_the_first_trace_of_a_failed_backward_is_kept(watch: Watch, script: Script) -> None:
    path = script(
        """
        import torch
        w = torch.ones(3, requires_grad=True)
        h = w.exp()
        h.add_(1)
        h.sum().backward()
        """
    )
    outcome = watch.run(path)
    assert outcome.message.startswith("RuntimeError at script.py, line 6")
    assert "modified by an inplace operation" in outcome.message
    assert watch.wait(TraceReady)[0].reason == "failed"
