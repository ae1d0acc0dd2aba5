"""The command line. Nothing heavy is imported before it is known what to do: `--help` needs neither torch nor Qt."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.graph.trace import Trace, ValuesMode

EXIT_FINE = 0
EXIT_DIFFERENCE = 1
EXIT_USAGE = 2
EXIT_FAILED = 3
EXIT_INTERRUPTED = 130

_REMEMBERED_CHARACTERS = 1 << 17
_passed_on = ""
"""The end of what the program has written: a script's traceback is in it already."""

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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    own, program = _split(given)
    commands = {
        "trace": _trace,
        "export": _export,
        "check": _check,
        "diagnose": _diagnose,
        "demos": _demos,
        "screenshot": _screenshot,
    }
    try:
        if own and own[0] in commands:
            options = _command_parser().parse_args(own)
            options.arguments = program
            return commands[own[0]](options)
        options = _window_parser().parse_args(own)
        if options.target is not None and _is_missing(options.target):
            return EXIT_USAGE
        return _window(options.target, program, is_new=options.new_window)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # `… | head` has read enough
        sys.stderr.close()
        return EXIT_FINE


def _split(given: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """Our own arguments, and those after "--", which are the script's."""
    if "--" not in given:
        return given, ()
    place = given.index("--")
    return given[:place], tuple(given[place + 1 :])


def _window_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="main.py",
        usage="main.py [--new-window] [TARGET] [-- ARGS]\n"
        "       main.py {trace,export,check,diagnose,demos,screenshot} …",
        description=DESCRIPTION + "\ncommands:\n" + _command_lines(),
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"Retrograd {version()}")
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


def _command_parser() -> argparse.ArgumentParser:
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


def version() -> str:
    """The version in pyproject.toml, or the installed one."""
    import tomllib
    from pathlib import Path

    path = Path(__file__).with_name("pyproject.toml")
    if path.exists():
        return str(tomllib.loads(path.read_text(encoding="utf-8"))["project"]["version"])
    from importlib.metadata import version as installed_version

    return installed_version("retrograd")


def _is_missing(target: str) -> bool:
    """Whether there is nothing that a window could open; then it is said."""
    from engine.programs.targets import why_missing

    if reason := why_missing(target):
        print(f"main.py: {reason}", file=sys.stderr)
    return bool(reason)


def _window(target: str | None, arguments: tuple[str, ...], *, is_new: bool) -> int:
    listener = None
    if not is_new:
        from gui.handover import Listener, Request, meet

        activation = os.environ.get("XDG_ACTIVATION_TOKEN", "")
        request = Request(target=target, arguments=arguments, folder=_folder(), activation=activation)
        met = meet(request)
        if met is True:
            print("Opened in the window that is there already (--new-window starts another one).")
            return EXIT_FINE
        listener = met if isinstance(met, Listener) else None
    from gui.app import run

    try:
        return run(target, arguments, listener)
    finally:
        if listener is not None:
            listener.close()


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was deleted
        return ""


def _complaining(run: Callable[[], int]) -> int:
    """Run a command; what the engine raises becomes a sentence and an exit code."""
    from engine.errors import RetrogradError, TraceError

    try:
        return run()
    except TraceError as error:
        if error.user_traceback and error.user_traceback.strip() not in _passed_on:
            print(error.user_traceback.rstrip(), file=sys.stderr)
        print(f"main.py: {error}", file=sys.stderr)
        return EXIT_FAILED
    except RetrogradError as error:
        print(f"main.py: {error}", file=sys.stderr)
        return EXIT_USAGE


def _recorded(options: argparse.Namespace, values: ValuesMode = "summary", *, follow: bool = False) -> Trace:
    """Record the target, or read it where it is a saved trace. The program's own output goes to stderr."""
    if options.target.endswith(".retrograd"):
        from engine.graph.trace import Trace

        return Trace.load(options.target)
    from engine.session.headless import record_target

    def pass_on(text: str) -> None:
        global _passed_on  # noqa: PLW0603 - a command runs one program
        _passed_on = (_passed_on + text)[-_REMEMBERED_CHARACTERS:]
        print(text, end="", file=sys.stderr, flush=True)

    return record_target(options.target, options.arguments, values=values, follow=follow, on_output=pass_on)


def _trace(options: argparse.Namespace) -> int:
    from engine.errors import TraceError
    from engine.graph.report import to_json, to_text

    def show(trace: Trace) -> None:
        if options.output:
            trace.save(options.output)
        if options.json:
            print(to_json(trace))
        elif options.output:
            print(f"{options.output}: {len(trace.graph.nodes)} nodes, {len(trace.backward)} backward steps")
        else:
            print(to_text(trace))

    def run() -> int:
        try:
            show(_recorded(options, options.values))
        except TraceError as error:
            if error.trace is not None and error.trace.graph.nodes:
                show(error.trace)  # the graph up to the failure is worth having
            raise
        return EXIT_FINE

    return _complaining(run)


def _export(options: argparse.Namespace) -> int:
    from engine.errors import TargetError
    from engine.graph.export import to_dot, to_graphml, to_json, to_mermaid
    from engine.graph.trace import Trace
    from engine.storage.atomic import write_atomically

    writers = {".dot": to_dot, ".graphml": to_graphml, ".mmd": to_mermaid, ".json": to_json}
    pictures = (".svg", ".png", ".pdf")
    ending = options.output[options.output.rfind(".") :].lower() if "." in options.output else ""

    def run() -> int:
        if ending not in writers and ending not in pictures:
            known = " ".join([*pictures, *writers])
            raise TargetError(f"The output's ending says what to write, and {ending or 'none'} is not one of {known}.")
        trace = Trace.load(options.trace)
        if ending in writers:
            write_atomically(options.output, [writers[ending](trace.graph).encode("utf-8")])
            return EXIT_FINE
        return _export_picture(trace, options)

    return _complaining(run)


def _export_picture(trace: Trace, options: argparse.Namespace) -> int:
    from engine.graph.fold import Folds
    from gui.app import EXIT_NO_DISPLAY, display_problem
    from gui.canvas.export import export_image
    from gui.theme import DARK, LIGHT

    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    problem = display_problem()
    if problem:
        print(f"main.py: {problem}", file=sys.stderr)
        return EXIT_NO_DISPLAY
    export_image(
        trace,
        options.output,
        theme=DARK if options.theme == "dark" else LIGHT,
        scale=options.scale,
        step=options.step,
        folds=Folds.none() if options.unfold else None,
    )
    return EXIT_FINE


def _check(options: argparse.Namespace) -> int:
    def run() -> int:
        from engine.programs import CallableProgram, resolve
        from engine.verify import check, check_nodes, format_table

        program = None if options.target.endswith(".retrograd") else resolve(options.target, options.arguments)
        if isinstance(program, CallableProgram):
            # It has to run again and again, slightly changed: here, since this process has nothing else to lose.
            report = check(program.build, target=program.target)
        else:
            report = check_nodes(_recorded(options, "all"))
        print(format_table(report))
        return EXIT_DIFFERENCE if report.has_difference else EXIT_FINE if report.has_checks else EXIT_USAGE

    return _complaining(run)


def _diagnose(options: argparse.Namespace) -> int:
    from engine.diagnose import diagnose
    from engine.diagnose.report import findings_to_json, format_findings
    from engine.errors import TraceError

    def run() -> int:
        failure = None
        try:
            trace = _recorded(options, follow=True)
        except TraceError as error:
            if error.trace is None:
                raise
            trace, failure = error.trace, error
        findings = diagnose(trace)
        is_wrong = any(finding.severity != "note" for finding in findings)
        if options.json or findings or failure is None:  # of a run that failed, no findings say nothing good
            print(findings_to_json(trace, findings) if options.json else format_findings(trace, findings))
        if failure is not None and not is_wrong:
            raise failure
        if failure is not None:  # the findings are why
            print(f"main.py: {failure}", file=sys.stderr)
        return EXIT_DIFFERENCE if is_wrong else EXIT_FINE

    return _complaining(run)


def _demos(options: argparse.Namespace) -> int:
    from engine.catalogue import DEMOS

    for demo in DEMOS:
        print(f"{demo.target:<18} {demo.title}\n{'':<18} {demo.summary}")
    return EXIT_FINE


def _screenshot(options: argparse.Namespace) -> int:
    from gui.app import screenshot

    return screenshot(
        options.target,
        output=options.output,
        step=options.step,
        size=options.size,
        theme=options.theme,
        unfold=options.unfold,
        train_steps=options.train,
        select=options.select,
        arguments=options.arguments,
    )


if __name__ == "__main__":
    sys.exit(main())
