"""What the command line takes, and its help: argparse alone, so that `--help` needs neither torch nor Qt."""

from __future__ import annotations

import argparse

DESCRIPTION = """\
A desktop debugger for backpropagation.

  python main.py                        open the window
  python main.py TARGET [-- ARGS]       open the window on a target
  python main.py COMMAND …              do one thing without a window

TARGET is one of
  demo:neuron             a built-in demo (`python main.py demos` lists them)
  train.py                a script, run unchanged as __main__; its arguments follow after --
  model.py:loss           a callable without arguments; what it returns is the root of the backward pass
  model.pt2               a model exported by torch.export
  run.retrograd           a saved trace (opening it executes nothing)
  runs/                   a folder of training logs (TensorBoard, JSONL, CSV)
"""

EPILOG = """\
Running a script or a callable executes it, with your rights. Opening a trace or a log never does.
Exit codes: 0 fine, 1 a difference or a finding (a note is none), 2 usage or an unreadable target, 3 the program failed,
4 no display.
`python main.py COMMAND --help` explains a command with an example.
"""


def window_parser(version: str) -> argparse.ArgumentParser:
    """What is taken where no command is given."""
    parser = argparse.ArgumentParser(
        prog="main.py",
        usage="main.py [--new-window] [TARGET] [-- ARGS]\n"
        "       main.py {trace,export,check,diagnose,demos,screenshot} …",
        description=DESCRIPTION + "\ncommands:\n" + _command_lines(),
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"Retrograd {version}")
    parser.add_argument("target", nargs="?", metavar="TARGET", help="what to open; see above")
    parser.add_argument(
        "--new-window", action="store_true", help="start another one, instead of handing TARGET to the one that is open"
    )
    return parser


COMMANDS = {
    "trace": (
        "record one forward and backward pass and print or save it",
        "main.py trace demo:neuron --json\n  main.py trace train.py -o step.retrograd -- --epochs 1",
    ),
    "export": (
        "draw a saved trace as svg, png or pdf, or write it as dot, graphml or json",
        "main.py export step.retrograd -o graph.svg",
    ),
    "check": (
        "compare autograd with finite differences and the rules by hand; exit code 1 where they differ, 2 if none can",
        "main.py check demo:neuron",
    ),
    "diagnose": (
        "say what is wrong with the gradients; exit code 1 where anything is (notes alone leave it at 0)",
        "main.py diagnose train.py --json",
    ),
    "demos": ("list the built-in demos", "main.py demos"),
    "screenshot": (
        "draw the real window, opened on a target, without a screen",
        "main.py screenshot demo:neuron --step 3 --size 1440x900 -o neuron.png",
    ),
}


def _command_lines() -> str:
    return "\n".join(f"  {name:<11} {text}" for name, (text, _) in COMMANDS.items())


def command_parser() -> argparse.ArgumentParser:
    """The commands that need no window."""
    parser = argparse.ArgumentParser(prog="main.py")
    subparsers = parser.add_subparsers(dest="command", required=True)
    made = {
        name: subparsers.add_parser(
            name,
            description=text[0].upper() + text[1:] + ".",
            epilog=f"example:\n  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        for name, (text, example) in COMMANDS.items()
    }
    for name in ("trace", "check", "diagnose", "screenshot"):
        made[name].add_argument("target", metavar="TARGET", help="what to run; `main.py --help` lists the kinds")
    values = {"choices": ("none", "summary", "all"), "default": "summary"}
    made["trace"].add_argument("-o", "--output", metavar="FILE", help="save the trace (x.retrograd)")
    made["trace"].add_argument("--json", action="store_true", help="print one JSON object")
    made["trace"].add_argument("--values", help="which values are kept (default: summary)", **values)  # type: ignore[arg-type]
    made["diagnose"].add_argument("--json", action="store_true", help="print findings and notes as JSON")
    export = made["export"]
    export.add_argument("trace", metavar="FILE", help="a saved trace (x.retrograd)")
    export.add_argument("-o", "--output", metavar="FILE", required=True, help=".svg .png .pdf .dot .graphml .mmd .json")
    export.add_argument("--step", type=int, metavar="K", help="after K backward steps (default: all of them)")
    export.add_argument("--theme", choices=("light", "dark"), default="light")
    export.add_argument("--scale", type=_scale, default=2.0, help="pixels per unit in a png (default: 2)")
    export.add_argument("--unfold", action="store_true", help="open every module call")
    picture = made["screenshot"]
    picture.add_argument("-o", "--output", metavar="FILE", required=True, help="the png to write")
    picture.add_argument("--step", type=int, metavar="K", help="take K backward steps; −1 is the last one")
    picture.add_argument("--size", type=_size, default=(1440, 900), metavar="WxH", help="default: 1440x900")
    picture.add_argument("--theme", choices=("light", "dark"), default="light")
    picture.add_argument("--train", type=int, metavar="N", help="let the training run to step N, and hold there")
    picture.add_argument("--unfold", action="append", default=[], metavar="PATH", help='a call ("h.0"), or "all"')
    picture.add_argument("--select", metavar="NAME", help="select a node by variable, operation or number")
    return parser


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and 200 <= int(width) <= 16384 and 200 <= int(height) <= 16384):
        raise argparse.ArgumentTypeError(f"{text!r} is no size: write it like 1440x900, from 200 to 16384")
    return int(width), int(height)


def _scale(text: str) -> float:
    if text.replace(".", "", 1).isdecimal() and 0.05 <= float(text) <= 64:
        return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no scale: give a number from 0.05 to 64")
