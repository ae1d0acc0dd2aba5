"""Putting a trace together again from a document and columns that nobody trusts."""

from __future__ import annotations

from typing import Any, get_args

import msgspec

from ..graph.model import Edge, Graph, Node, SavedTensor, Scope, ScopePath, Source, TensorInfo
from ..graph.observation import Observation
from ..graph.trace import BackwardStep, Timing, Trace, ValuesMode
from .columns import Reader
from .container import Container
from .tensor_table import read_tensors
from .trace_writer import KINDS, check_graph
from .values import JsonError, decode


def put_together(container: Container, name: str) -> Trace:
    """The trace; raises `TraceFileError`, naming the field or column, for anything that does not fit."""
    return _Assembly(container, name).trace()


class _Assembly:
    def __init__(self, container: Container, name: str) -> None:
        self.document = container.document
        self.columns = Reader(container.tensors, name)
        self.name = name
        self.strings: list[str | None] = [None, *self._texts("strings")]
        self.top = len(self.strings) - 1
        self.infos: list[TensorInfo | None] = read_tensors(self.columns, self.strings, self.document.get("arrays"))
        paths = self.columns.lists("paths", self.columns.rows("paths.length"), 1, self.top)
        self.paths: list[ScopePath] = [tuple(self.strings[part] or "" for part in path) for path in paths]

    def trace(self) -> Trace:
        nodes = self._nodes()
        graph = Graph(nodes, self._edges(len(nodes)), self._scopes())
        check_graph(graph, f"{self.name!r} is damaged")
        steps = self._steps(nodes)
        if self.columns.tensors:
            unknown = next(iter(self.columns.tensors))
            raise self._wrong(f"tensor {unknown[:100]!r}", "nothing refers to it")
        sources = self._dictionary("sources")
        return Trace(
            graph,
            steps,
            roots=self._roots(len(nodes)),
            target=self._text("target"),
            values=self._values_mode(),
            sources=sources,
            notes=self._texts("notes"),
            error=self._optional_text("error"),
            error_source=self._error_source(),
            timing=self._timing(),
            environment=self._dictionary("environment"),
            step=self._step_number(),
            observations=self._observations(len(nodes)),
        )

    def _nodes(self) -> list[Node]:
        columns, strings, top = self.columns, self.strings, self.top
        kinds = columns.integers("nodes.kind", None, 0, len(KINDS) - 1)
        count = len(kinds)
        texts = [columns.integers(f"nodes.{field}", count, 0, top) for field in ("op", "grad_fn", "name", "call")]
        scopes = columns.integers("nodes.scope", count, 0, len(self.paths) - 1)
        sources = self._sources()
        places = columns.integers("nodes.source", count, 0, len(sources) - 1)
        params = self._list("params")
        chosen = columns.integers("nodes.params", count, 0, len(params))
        outputs = columns.lists("nodes.outputs", count, 1, len(self.infos) - 1)
        infos: list[Any] = self.infos
        saved = self._saved(count)
        rows = zip(
            kinds, *texts, self._sequence_numbers(count), scopes, places, columns.floats("nodes.seconds", count),
            chosen, outputs, saved, self._flops(count), self._stacks(count, sources), strict=True,
        )  # fmt: skip
        return [
            Node(
                id=place,
                kind=KINDS[kind],
                op=strings[op],
                grad_fn=strings[grad_fn],
                sequence_nr=sequence_nr,
                scope=self.paths[scope],
                source=sources[source],
                name=strings[label],
                outputs=[infos[row] for row in out],
                params=self._params(params, chosen_params),
                saved=tensors,
                seconds=seconds,
                call=strings[call],
                flops=flops,
                stack=stack,
            )
            for place, (
                kind, op, grad_fn, label, call, sequence_nr, scope, source, seconds, chosen_params, out, tensors, flops,
                stack,
            ) in enumerate(rows)
        ]  # fmt: skip

    def _sequence_numbers(self, count: int) -> list[int | None]:
        sequenced = self.columns.flags("nodes.sequenced", count)
        numbers = iter(self.columns.integers("nodes.sequence_nr", sum(sequenced), -(2**63), 2**64 - 1))
        return [next(numbers) if is_known else None for is_known in sequenced]

    def _flops(self, count: int) -> list[int | None]:
        if "nodes.flops" not in self.columns.tensors:  # a trace without products of matrices, or an older file
            return [None] * count
        return [flops - 1 if flops else None for flops in self.columns.integers("nodes.flops", count)]

    def _stacks(self, count: int, sources: list[Any]) -> list[tuple[Source, ...]]:
        columns = self.columns
        if "nodes.stack" not in columns.tensors:  # an older file, or a trace made by hand
            return [()] * count
        rows = columns.lists("stacks", columns.rows("stacks.length"), 1, len(sources) - 1)
        stacks: list[tuple[Source, ...]] = [(), *(tuple(sources[place] for place in row) for row in rows)]
        return [stacks[place] for place in columns.integers("nodes.stack", count, 0, len(stacks) - 1)]

    def _spans(self, count: int) -> list[tuple[int, int, int] | None]:
        """Inverse of what the writer makes of `SavedTensor.span`; older files have none."""
        columns = self.columns
        if "saved.storage" not in columns.tensors:
            return [None] * count
        rows = zip(
            columns.integers("saved.storage", count),
            columns.integers("saved.begin", count),
            columns.integers("saved.length", count),
            strict=True,
        )
        return [(storage - 1, begin, begin + length) if storage else None for storage, begin, length in rows]

    def _sources(self) -> list[Source | None]:
        columns, top = self.columns, self.top
        files = columns.integers("sources.file", None, 1, top)
        lines = columns.integers("sources.line", len(files), -(2**63))
        functions = columns.integers("sources.function", len(files), 1, top)
        strings: list[Any] = self.strings
        rows = zip(files, lines, functions, strict=True)
        return [None, *(Source(strings[file], line, strings[function]) for file, line, function in rows)]

    def _params(self, params: list[Any], place: int) -> dict[str, Any]:
        if place == 0:
            return {}
        try:
            value = decode(params[place - 1])  # anew for each node: what comes out may be changed
        except JsonError as error:
            raise self._wrong(f"field 'params', item {place - 1}", str(error)) from error
        if not isinstance(value, dict):
            raise self._wrong(f"field 'params', item {place - 1}", "it is not a set of arguments")
        return value

    def _saved(self, count: int) -> list[list[SavedTensor]]:
        columns, top = self.columns, self.top
        lengths = columns.integers("nodes.saved", count)
        total = sum(lengths)
        names, dtypes = (columns.integers(f"saved.{field}", total, 1, top) for field in ("name", "dtype"))
        shapes = [tuple(shape) for shape in columns.lists("saved.shapes", columns.rows("saved.shapes.length"))]
        forms = columns.integers("saved.shape", total, 0, len(shapes) - 1)
        versions = columns.integers("saved.version", total, -(2**63))
        sizes = columns.integers("saved.nbytes", total)
        nodes = columns.integers("saved.node", total, 0, count)
        outputs = columns.integers("saved.output", total)
        strings: list[Any] = self.strings
        every = iter(
            [
                SavedTensor(
                    name=strings[label],
                    shape=shapes[form],
                    dtype=strings[dtype],
                    version=version,
                    nbytes=nbytes,
                    source=(node - 1, output) if node else None,
                    span=span,
                )
                for label, form, dtype, version, nbytes, node, output, span in zip(
                    names, forms, dtypes, versions, sizes, nodes, outputs, self._spans(total), strict=True
                )
            ]
        )
        return [[next(every) for _ in range(length)] for length in lengths]

    def _edges(self, count: int) -> list[Edge]:
        columns, strings, top = self.columns, self.strings, self.top
        sources = columns.integers("edges.source", None, 0, count - 1)
        total = len(sources)
        rows = zip(
            sources,
            columns.integers("edges.output_nr", total),
            columns.integers("edges.target", total, 0, count - 1),
            columns.integers("edges.input_nr", total),
            columns.integers("edges.grad_index", total, -1),
            columns.integers("edges.arg", total, 0, top),
            columns.integers("edges.cut", total, 0, top),
            strict=True,
        )
        return [
            Edge(
                source=source,
                output_nr=output_nr,
                target=target,
                input_nr=input_nr,
                arg=strings[arg],
                grad_index=grad_index if grad_index >= 0 else None,
                cut=strings[cut],
            )
            for source, output_nr, target, input_nr, grad_index, arg, cut in rows
        ]

    def _steps(self, nodes: list[Node]) -> list[BackwardStep]:
        columns, infos, top = self.columns, self.infos, len(self.infos) - 1
        owners = columns.integers("steps.node", None, 0, len(nodes) - 1)
        count = len(owners)
        rows = zip(
            columns.integers("steps.index", count, -(2**63)),
            owners,
            columns.lists("steps.grad_outputs", count, 0, top),
            columns.lists("steps.grad_inputs", count, 0, top),
            columns.integers("steps.grad_before", count, 0, top),
            columns.integers("steps.grad_after", count, 0, top),
            columns.floats("steps.seconds", count),
            strict=True,
        )
        return [
            BackwardStep(
                index=index,
                node=nodes[owner],
                grad_outputs=[infos[row] for row in grad_outputs],
                grad_inputs=[infos[row] for row in grad_inputs],
                grad_before=infos[before],
                grad_after=infos[after],
                seconds=seconds,
            )
            for index, owner, grad_outputs, grad_inputs, before, after, seconds in rows
        ]

    def _scopes(self) -> dict[ScopePath, Scope]:
        columns, last = self.columns, len(self.paths) - 1
        keys = columns.integers("scopes.key", None, 0, last)
        count = len(keys)
        modules: list[Any] = [self.strings[place] for place in columns.integers("scopes.module", count, 1, self.top)]
        own = [self.paths[place] for place in columns.integers("scopes.path", count, 0, last)]
        parameters = columns.integers("scopes.parameters", count)
        rows = zip(keys, own, modules, parameters, strict=True)
        scopes = {self.paths[key]: Scope(path=path, module=module, parameters=held) for key, path, module, held in rows}
        if len(scopes) != count:
            raise self._wrong("tensor 'scopes.key'", "a scope is listed twice")
        return scopes

    # The document's fields.

    def _wrong(self, where: str, what: str) -> Exception:
        return self.columns.fail(where, what)

    def _list(self, field: str) -> list[Any]:
        value = self.document.get(field)
        if not isinstance(value, list):
            raise self._wrong(f"field {field!r}", "it is not a list")
        return value

    def _texts(self, field: str) -> list[str]:
        value = self._list(field)
        for place, item in enumerate(value):
            if not isinstance(item, str):
                raise self._wrong(f"field {field!r}, item {place}", "it is not a text")
        return value

    def _text(self, field: str) -> str:
        value = self._optional_text(field)
        if value is None:
            raise self._wrong(f"field {field!r}", "it is missing")
        return value

    def _optional_text(self, field: str) -> str | None:
        value = self.document.get(field)
        if value is not None and not isinstance(value, str):
            raise self._wrong(f"field {field!r}", "it is not a text")
        return value

    def _dictionary(self, field: str) -> dict[str, str]:
        value = self.document.get(field)
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            raise self._wrong(f"field {field!r}", "it does not map texts to texts")
        return value

    def _values_mode(self) -> ValuesMode:
        value = self.document.get("values")
        for mode in get_args(ValuesMode):
            if value == mode:
                return mode  # type: ignore[no-any-return]  # one of the arguments of that Literal
        raise self._wrong("field 'values'", "it is not a way of keeping values that this version knows")

    def _roots(self, count: int) -> list[tuple[int, int]]:
        roots = []
        for place, root in enumerate(self._list("roots")):
            if not _are_integers(root, 2) or not 0 <= root[0] < count or root[1] < 0:
                raise self._wrong(f"field 'roots', item {place}", "it is not an output of a node")
            roots.append((root[0], root[1]))
        return roots

    def _observations(self, count: int) -> list[Observation]:
        try:
            found = msgspec.convert(_with_amounts(self.document.get("observations", [])), list[Observation])
        except (msgspec.ValidationError, JsonError) as error:
            raise self._wrong("field 'observations'", str(error)) from error
        for place, seen in enumerate(found):
            if not all(0 <= node < count for node in seen.nodes):
                raise self._wrong(f"field 'observations', item {place}", "it is about a node that is not there")
            for values in seen.after:
                try:
                    _ = values and values.array
                except ValueError as error:
                    raise self._wrong(f"field 'observations', item {place}", str(error)) from error
        return found

    def _error_source(self) -> tuple[str, int] | None:
        value = self.document.get("error_source")
        if value is None:
            return None
        if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], str) or type(value[1]) is not int:
            raise self._wrong("field 'error_source'", "it is not a file and a line")
        return value[0], value[1]

    def _timing(self) -> Timing:
        try:
            parts = [decode(part) for part in self._list("timing")]
        except JsonError as error:
            raise self._wrong("field 'timing'", str(error)) from error
        if len(parts) != 3 or not all(type(part) is float for part in parts):
            raise self._wrong("field 'timing'", "it is not three numbers of seconds")
        return Timing(forward=parts[0], backward=parts[1], total=parts[2])

    def _step_number(self) -> int | None:
        value = self.document.get("step")
        if value is not None and type(value) is not int:
            raise self._wrong("field 'step'", "it is not a number of a step")
        return value


def _are_integers(value: Any, length: int) -> bool:
    return isinstance(value, list) and len(value) == length and all(type(item) is int for item in value)


def _with_amounts(observations: Any) -> Any:
    """The observations with numbers that JSON does not know in their place; of anything else, itself."""
    for seen in observations if isinstance(observations, list) else ():
        if isinstance(seen, dict) and isinstance(seen.get("amounts"), list):
            seen["amounts"] = [decode(amount) for amount in seen["amounts"]]
    return observations
