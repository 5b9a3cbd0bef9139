"""Finds what pages hand to Streamlit as markdown although it may come from data and was not escaped.

In: the sources of pages and components. Out: one line for each such argument.

An argument is safe if it is put together from what the source itself says, from numbers, and from what `plain`
returned: through local names, through functions of pages that return only such, and through parameters of theirs, which
are then looked at wherever they are given.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

FIRST = (
    "audio_input badge button camera_input caption checkbox download_button error expander file_uploader "
    "form_submit_button header info link_button markdown metric multiselect number_input pills popover radio "
    "segmented_control select_slider selectbox slider spinner status subheader success tabs text_area text_input title "
    "toast toggle warning write"
).split()
SECOND = {"progress": "text", "metric": "value"}
CHOICES = ("radio", "pills", "segmented_control", "select_slider")  # options of the others are shown as they are
NAMED = {"body", "label", "help", "text", "caption", "captions", "value", "delta", "tabs"}
VALUES = {"text_input", "text_area", "number_input", "slider", "select_slider", "checkbox", "toggle"}  # theirs is none

Bound = Mapping[str, Callable[[], bool]]  # whether a name of a loop or a lambda is safe, found out if it is used
ESCAPED = {"plain", "refusal"}
# Figures, and words that the product has itself.
OUR_WORDS = set(
    "certainty_word count duration given_words help index inputs_sentence inputs_words len method_title missing_words "
    "number_of options percent percent_range round seeds_words severities_words size_words strategies sum target "
    "threshold_sentence time_left total whole_percent".split()
)
# They are safe where what they are given is.
AS_GIVEN = set(
    "capital dict enumerate filter joined list map max min next page_words range reversed set sorted str tuple "
    "zip".split()
)
OF_TEXT = set(
    "capitalize format get items join keys lower lstrip partition removeprefix removesuffix replace rstrip split "
    "splitlines strip title upper values __getitem__".split()
)
OUR_TYPES = {"Option"}  # a setting, whose label and help the product declares
NUMBERS = {"int", "float", "bool", "Modality", "State", "Severity", "Verdict", "Certainty", "Decision"}


@dataclass
class Function:
    """A function of a page, and those of its parameters that are shown as markdown."""

    module: Module
    node: ast.FunctionDef
    shown: set[str] = field(default_factory=set)

    @cached_property
    def parameters(self) -> list[ast.arg]:
        given = self.node.args
        return [*given.posonlyargs, *given.args, *given.kwonlyargs]


@dataclass
class Module:
    """One file."""

    path: Path
    tree: ast.Module
    functions: dict[str, Function] = field(default_factory=dict)


class Reader:
    """Reads all files until no parameter is newly known to be shown."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.modules = [Module(path, ast.parse(path.read_text(encoding="utf-8"))) for path in paths]
        for module in self.modules:
            nodes = [node for node in ast.walk(module.tree) if isinstance(node, ast.FunctionDef)]
            module.functions = {node.name: Function(module, node) for node in nodes}
        self.found: dict[str, None] = {}
        self.grown = True
        self.asked: list[tuple[Function, str]] = []
        self.returning = 0  # while it is asked what a function returns, its parameters may be anything
        while self.grown:
            self.grown, self.found = False, {}
            for module in self.modules:
                for scope, call in _calls(module):
                    for argument in self._shown(scope, call, module):
                        if not self.safe(argument, scope, module):
                            place = f"{module.path.name}:{argument.lineno}"
                            self.found[f"{place}: {ast.unparse(argument)[:100]}"] = None

    def _shown(self, scope: Function | None, call: ast.Call, module: Module) -> Iterator[ast.expr]:
        """The arguments of a call that are shown as markdown."""
        named = {word.arg: word.value for word in call.keywords if word.arg}
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if _is_streamlit(call.func, scope, module) and (name in (*FIRST, *SECOND) or not name):
            if name not in SECOND or name == "metric":
                yield from call.args[:1]
            if name in SECOND:
                yield from call.args[1:2]
            if name in CHOICES:
                choices = named.get("format_func") or named.get("options") or (call.args[1:2] or [None])[0]
                if isinstance(choices, ast.Lambda):  # it gets an option each time
                    options = named.get("options") or (call.args[1:2] or [None])[0]
                    offered = self.safe(options, scope, module)
                    inner = {one.arg: lambda: offered for one in choices.args.args}
                    choices = ast.Constant("") if self.safe(choices.body, scope, module, inner) else choices
                yield from [choices] if choices is not None else []
            yield from (
                value for word, value in named.items() if word in NAMED and not (word == "value" and name in VALUES)
            )
        elif own := self._own(call.func, module):
            given = dict(zip([one.arg for one in own.parameters], call.args, strict=False)) | named
            yield from (given[name] for name in own.shown if name in given)

    def _own(self, function: ast.expr, module: Module) -> Function | None:
        """The function of a page that is called."""
        name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
        if isinstance(function, ast.Name) and name in module.functions:
            return module.functions[name]
        if isinstance(function, ast.Attribute) and not isinstance(function.value, ast.Name):
            return None
        root = function.value.id if isinstance(function, ast.Attribute) else ""  # type: ignore[attr-defined]
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                ("retail.pages", "retail.components")
            ):
                for alias in node.names:
                    wanted = (alias.asname or alias.name) == (root or name)
                    file = alias.name if root else (node.module or "").rpartition(".")[2]
                    if wanted and (other := next((one for one in self.modules if one.path.stem == file), None)):
                        return other.functions.get(name)
        return None

    def safe(self, node: ast.AST | None, scope: Function | None, module: Module, bound: Bound = {}) -> bool:  # noqa: B006
        """Whether an expression holds nothing from data that is not escaped."""

        def all_safe(nodes: Iterable[ast.AST | None]) -> bool:
            return all([self.safe(one, scope, module, bound) for one in nodes])

        match node:
            case None | ast.Constant() | ast.Compare():
                return True
            case ast.JoinedStr(values):
                return all_safe(values)
            case ast.FormattedValue(value, _, spec):
                return _is_number(spec) or self.safe(value, scope, module, bound)
            case ast.BinOp(left, ast.Mult(), right):  # words that are there or not
                return any(_is_text(one) and self.safe(one, scope, module, bound) for one in (left, right))
            case ast.BinOp(left, _, right):
                return all_safe((left, right))
            case ast.UnaryOp():
                return True
            case ast.IfExp(_, left, right):
                return all_safe((left, right))
            case ast.BoolOp(_, values) | ast.List(values) | ast.Tuple(values) | ast.Set(values):
                return all_safe(values)
            case ast.Dict(_, values):
                return all_safe(values)
            case ast.Starred(value) | ast.NamedExpr(_, value) | ast.Subscript(value):
                return self.safe(value, scope, module, bound)
            case ast.GeneratorExp(element, loops) | ast.ListComp(element, loops) | ast.SetComp(element, loops):
                return self._safe_in(element, loops, scope, module, bound)
            case ast.DictComp(_, value, loops):
                return self._safe_in(value, loops, scope, module, bound)
            case ast.Lambda(given, body):
                inner = {**bound, **{one.arg: lambda: False for one in given.args}}
                return self.safe(body, scope, module, inner)
            case ast.Name(name):
                return bound[name]() if name in bound else self._safe_name(name, scope, module)
            case ast.Attribute(value, name):
                return name.isupper() or self._safe_part(value, scope, module, bound)
            case ast.Call():
                return self._safe_call(node, scope, module, bound)
        return False

    def _safe_part(self, value: ast.expr, scope: Function | None, module: Module, bound: Bound) -> bool:
        """Whether an attribute of something is ours; of a parameter only if its type says so."""
        parameters = scope.parameters if scope else []
        if isinstance(value, ast.Name) and (own := next((one for one in parameters if one.arg == value.id), None)):
            return own.annotation is not None and ast.unparse(own.annotation) in OUR_TYPES
        return self.safe(value, scope, module, bound)

    def _keys(self, node: ast.expr, scope: Function | None, module: Module) -> list[ast.expr | None] | None:
        """The keys of a dict, written out or under a local name; None for anything else."""
        if isinstance(node, ast.Name) and scope:
            given = [
                one.value
                for one in ast.walk(scope.node)
                if isinstance(one, (ast.Assign, ast.AnnAssign))
                and one.value is not None
                and any(
                    isinstance(it, ast.Name) and it.id == node.id
                    for it in getattr(one, "targets", None) or [one.target]
                )
            ]
            node = given[0] if len(given) == 1 else node
        return list(node.keys) if isinstance(node, ast.Dict) else None

    def _safe_in(self, element: ast.expr, loops: list, scope: Function | None, module: Module, bound: Bound) -> bool:
        inner = dict(bound)
        for loop in loops:
            inner |= self._targets(loop.target, loop.iter, scope, module, inner)
        return self.safe(element, scope, module, inner)

    def _targets(
        self, target: ast.expr, source: ast.expr, scope: Function | None, module: Module, bound: Bound
    ) -> dict[str, Callable[[], bool]]:
        """What a loop binds, and whether it is safe."""
        name = source.func.id if isinstance(source, ast.Call) and isinstance(source.func, ast.Name) else ""
        if isinstance(target, ast.Tuple) and isinstance(source, ast.Call) and name in ("enumerate", "zip"):
            if name == "enumerate":
                first: dict[str, Callable[[], bool]] = {
                    one.id: lambda: True for one in ast.walk(target.elts[0]) if isinstance(one, ast.Name)
                }
                return first | self._targets(target.elts[1], source.args[0], scope, module, bound)
            found: dict[str, Callable[[], bool]] = {}
            for one, its in zip(target.elts, source.args, strict=False):
                found |= self._targets(one, its, scope, module, bound)
            return found
        names = [one.id for one in ast.walk(target) if isinstance(one, ast.Name)]
        return dict.fromkeys(names, lambda: self.safe(source, scope, module, bound))

    def _safe_call(self, call: ast.Call, scope: Function | None, module: Module, bound: Bound) -> bool:
        name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        given = [*call.args, *(word.value for word in call.keywords)]
        if name in ESCAPED | OUR_WORDS:
            return True
        if name in ("map", "filter") and isinstance(call.func, ast.Name):
            return self.safe(call.args[0], scope, module, bound) or all(
                self.safe(one, scope, module, bound) for one in call.args[1:]
            )
        if name == "list" and (keys := self._keys(given[0], scope, module)) is not None:
            return all([self.safe(one, scope, module, bound) for one in keys])
        if name in AS_GIVEN:
            return all([self.safe(one, scope, module, bound) for one in given])
        if isinstance(call.func, ast.Attribute) and name in OF_TEXT:
            return self.safe(call.func.value, scope, module, bound) and (
                name in ("get", "items", "values", "strip")
                or all(self.safe(one, scope, module, bound) for one in given)
            )
        if own := self._own(call.func, module):
            return self._returns_safe(own)
        return False

    def _returns_safe(self, own: Function) -> bool:
        if (own, "") in self.asked:
            return True
        self.asked.append((own, ""))
        self.returning += 1
        returned = [node.value for node in ast.walk(own.node) if isinstance(node, ast.Return)]
        safe = bool(returned) and all([self.safe(one, own, own.module) for one in returned])
        self.returning -= 1
        self.asked.pop()
        return safe

    def _safe_name(self, name: str, scope: Function | None, module: Module) -> bool:
        if name.isupper() or name.lstrip("_").isupper() or name in ESCAPED | OUR_WORDS:
            return True
        if scope is None:
            return self._assigned(name, module.tree, None, module)
        if (scope, name) in self.asked:
            return True
        self.asked.append((scope, name))
        try:
            if (parameter := next((one for one in scope.parameters if one.arg == name), None)) is not None:
                if self.returning:
                    return _is_typed(parameter)
                if not _is_typed(parameter) and name not in scope.shown:
                    scope.shown.add(name)
                    self.grown = True
                return True
            if name in module.functions or self._own(ast.Name(name), module):
                own = module.functions.get(name) or self._own(ast.Name(name), module)
                assert own is not None
                return self._returns_safe(own)
            return self._assigned(name, scope.node, scope, module)
        finally:
            self.asked.pop()

    def _assigned(self, name: str, within: ast.AST, scope: Function | None, module: Module) -> bool:
        """Whether everything that a local name is given is safe; a name that is given nothing is not."""
        safe: list[bool] = []
        for node in ast.walk(within):
            match node:
                case ast.Assign(targets, value):
                    for target in targets:
                        safe += self._given(name, target, value, scope, module)
                case ast.AnnAssign(target, annotation, value) if value is not None:
                    given = self._given(name, target, value, scope, module)
                    safe += [True] * len(given) if ast.unparse(annotation) in NUMBERS else given
                case ast.AugAssign(target, _, value) | ast.NamedExpr(target, value):
                    safe += self._given(name, target, value, scope, module)
                case ast.For(target, source) if any(
                    isinstance(one, ast.Name) and one.id == name for one in ast.walk(target)
                ):
                    bound = self._targets(target, source, scope, module, {})
                    safe.append(bound[name]() if name in bound else False)
        return bool(safe) and all(safe)

    def _given(
        self, name: str, target: ast.expr, value: ast.expr, scope: Function | None, module: Module
    ) -> list[bool]:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            pairs = zip(target.elts, value.elts, strict=True)
            return [one for pair in pairs for one in self._given(name, *pair, scope, module)]
        if any(isinstance(one, ast.Name) and one.id == name for one in ast.walk(target)):
            return [self.safe(value, scope, module)]
        return []


def _calls(module: Module) -> Iterator[tuple[Function | None, ast.Call]]:
    """Every call with the function that it stands in."""
    inside: dict[int, Function] = {}
    for function in module.functions.values():
        for node in ast.walk(function.node):
            if isinstance(node, ast.Call):
                inside[id(node)] = function  # an inner function comes later than the one around it
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            yield inside.get(id(node)), node


def _is_streamlit(function: ast.expr, scope: Function | None, module: Module) -> bool:
    """`st.caption`, `left.caption` of a column, `(st.info if now else st.error)`, and a local name for such."""
    match function:
        case ast.Attribute(ast.Name("st"), _):
            return True
        case ast.Attribute(ast.Name(name), method) if method in (*FIRST, *SECOND):
            return _holds_streamlit(name, scope.node if scope else module.tree)
        case ast.IfExp() | ast.Subscript():
            return any(
                _is_streamlit(one, scope, module) for one in ast.walk(function) if isinstance(one, ast.Attribute)
            )
        case ast.Name(name) if scope is not None:
            return any(
                isinstance(node, ast.Assign)
                and any(isinstance(one, ast.Name) and one.id == name for one in node.targets)
                and not isinstance(node.value, ast.Call)
                and any(
                    isinstance(one, ast.Attribute) and _is_streamlit(one, None, module) for one in ast.walk(node.value)
                )
                for node in ast.walk(scope.node)
            )
    return False


def _holds_streamlit(name: str, within: ast.AST) -> bool:
    """Whether a local name is a part of the page: of st.columns, st.empty and the like, or a parameter that is one."""
    for node in ast.walk(within):
        if isinstance(node, ast.arg) and node.arg == name and node.annotation is not None:
            return "DeltaGenerator" in ast.unparse(node.annotation)
        source = getattr(node, "value", None) if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
        source = node.iter if isinstance(node, ast.For) else source
        targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
        if source is not None and any(isinstance(one, ast.Name) and one.id == name for one in _names(targets)):
            return any(isinstance(one, ast.Name) and one.id == "st" for one in ast.walk(source))
    return False


def _names(targets: Iterable[ast.AST | None]) -> Iterator[ast.AST]:
    for target in targets:
        if target is not None:
            yield from ast.walk(target)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, (ast.JoinedStr, ast.List)) or isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_number(spec: ast.expr | None) -> bool:
    return spec is not None and ast.unparse(spec).rstrip("'\"").endswith((",", "d", "f", "g", "%"))


def _is_typed(parameter: ast.arg) -> bool:
    """Whether what is given can only be a number or one of our own words."""
    return parameter.annotation is not None and all(
        part.strip() in NUMBERS | {"None"} for part in ast.unparse(parameter.annotation).split("|")
    )
