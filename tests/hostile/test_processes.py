"""Hostile programs: children, daemons, and death in mid-training; nothing recorded is lost and nothing is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

from engine.session.events import Output
from engine.session.journal import read_losses
from engine.session.messages import LossPoints
from tests.engine.session.watch import Watch

from .scripts import TRAIN, Script, _nothing_left_behind, is_gone, script, watch

__all__ = ["_nothing_left_behind", "script", "watch"]


# 15, 16: processes


def test_data_loaders_forks_and_spawned_children_work(watch: Watch, script: Script) -> None:
    path = script(
        """
        import multiprocessing, os, sys, torch
        from torch.utils.data import DataLoader, Dataset

        class Numbers(Dataset):
            def __len__(self): return 8
            def __getitem__(self, k): return torch.full((2,), float(k))

        def square(k): return k * k

        def main():
            w = torch.ones(2, requires_grad=True)
            for context in ("fork", "spawn"):
                for batch in DataLoader(Numbers(), batch_size=4, num_workers=1, multiprocessing_context=context):
                    (batch * w).sum().backward()
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print("squares", pool.map(square, range(4)))
            pid = os.fork()
            if pid == 0:
                (w * 5).sum().backward()  # not a step of this training
                print("child", flush=True)
                return
            os.waitpid(pid, 0)
            (w * 2).sum().backward()
            print("parent done")

        if __name__ == "__main__":
            main()
        """
    )
    outcome = watch.run(path)
    assert (outcome.kind, outcome.left_behind) == ("finished", ())
    assert "squares [0, 1, 4, 9]" in watch.output
    assert "child" in watch.output
    assert watch.output.count("parent done") == 1
    assert watch.steps == [0, 1, 2, 3, 4]


def test_a_daemon_that_the_script_leaves_is_ended_and_reported(watch: Watch, script: Script) -> None:
    path = script(
        """
        import os, sys, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                print(os.getpid(), flush=True)
                time.sleep(600)
            os._exit(0)
        os.wait()
        time.sleep(0.3)
        """
    )
    outcome = watch.run(path)
    daemon = int(watch.output)
    assert outcome.kind == "finished"
    assert len(outcome.left_behind) == 1
    assert f"(pid {daemon})" in outcome.left_behind[0]
    assert f"(pid {daemon})" in outcome.message
    assert is_gone(daemon)


# 28, 29: death in mid-training


def test_a_worker_killed_in_mid_training_keeps_every_step(watch: Watch, script: Script) -> None:
    watch.start(script(TRAIN + "import os\nprint('pid', os.getpid())\nfor k in range(10**9): step(k)\n"))
    watch.wait(Output, lambda event: "pid" in event.text)
    watch.wait(LossPoints, lambda event: event.count > 20)
    os.kill(int(watch.output.split()[1]), signal.SIGKILL)
    outcome = watch.outcome()
    assert outcome.signal == "SIGKILL"
    assert outcome.journal is not None
    losses = read_losses(outcome.journal)
    assert losses.problems == []
    assert losses.losses.tolist() == [3.0 * k for k in range(len(losses.losses))]
    assert outcome.log is not None
    printed = Path(outcome.log).read_text().count("step")
    assert len(losses.losses) - printed in (0, 1)  # every step that was printed, and perhaps the one that was running
    assert watch.steps == list(range(len(watch.steps)))


def test_a_window_killed_in_mid_training_ends_the_worker_and_leaves_the_journal(script: Script, tmp_path: Path) -> None:
    path = script(TRAIN + "import os\nprint('pid', os.getpid())\nfor k in range(10**9): step(k)\n")
    window = textwrap.dedent(
        f"""
        import sys, time
        from pathlib import Path
        from engine.session.events import Output
        from engine.session.messages import LossPoints
        from engine.session.supervisor import Supervisor
        def on_event(event, body):
            if isinstance(event, Output) and "pid" in event.text:
                print(event.text.split()[1], flush=True)
            if isinstance(event, LossPoints) and event.count > 20:
                print("trains", flush=True)
        supervisor = Supervisor(on_event, runs_folder=Path({str(tmp_path / "runs")!r}), keep_spare=False)
        supervisor.run({str(path)!r})
        time.sleep(600)
        """
    )
    root = Path(__file__).resolve().parent.parent.parent
    with subprocess.Popen([sys.executable, "-c", window], cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said: set[str] = set()
        try:
            while "trains" not in said or len(said) < 2:  # output and losses come by different ways, in any order
                said.add(process.stdout.readline().strip())
        finally:
            process.kill()
    worker = int((said - {"trains"}).pop())
    assert is_gone(worker)
    (journal,) = (tmp_path / "runs").glob("*/losses.journal")
    losses = read_losses(journal)
    assert losses.problems == []
    assert len(losses.losses) > 20
    assert losses.losses.tolist() == [3.0 * k for k in range(len(losses.losses))]
