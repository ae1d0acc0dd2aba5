"""The command line. Nothing heavy is imported before it is known what to do: `--help` needs neither torch nor Qt."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from engine.arguments import command_parser, window_parser

if TYPE_CHECKING:
    import argparse

    from engine.graph.trace import Trace, ValuesMode

EXIT_FINE = 0
EXIT_DIFFERENCE = 1
EXIT_USAGE = 2
EXIT_FAILED = 3
EXIT_INTERRUPTED = 130

_REMEMBERED_CHARACTERS = 1 << 17
_passed_on = ""
"""The end of what the program has written: a script's traceback is in it already."""


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
            options = command_parser().parse_args(own)
            options.arguments = program
            return commands[own[0]](options)
        options = window_parser(version()).parse_args(own)
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
    from gui.interrupts import Interrupts

    interrupts = Interrupts()
    from gui.app import run

    try:
        return run(target, arguments, listener, interrupts)
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
