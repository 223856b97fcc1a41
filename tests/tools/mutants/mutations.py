"""Make the mutants of a source file: one boundary, sign, word or constant of a function's body changed in each."""

import ast
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Final, NamedTuple

_COMPARISONS: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_OPERATORS: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
}
_WORDS: Final[dict[type[ast.boolop], type[ast.boolop]]] = {ast.And: ast.Or, ast.Or: ast.And}
_NAMES: Final = {"min": "max", "max": "min"}
# What decides by being true or not; comparisons, words and `not` are changed themselves.
_CONDITIONS: Final = (ast.Name, ast.Attribute, ast.Call, ast.Subscript)

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Place(NamedTuple):
    """Name a function's code: its file, the line of its `def` or first decorator, and its qualified name."""

    file: str
    line: int
    function: str


class Mutant(NamedTuple):
    """Say what one mutant changes, `before -> after`, and where; hold the code of the changed function."""

    place: Place
    line: int
    number: int
    change: str
    code: CodeType

    @property
    def key(self) -> str:
        """Return what names the mutant for as long as its function keeps its text; lines may move."""
        number = f" ({self.number})" if self.number > 1 else ""
        return f"{self.place.file} {self.place.function}: {self.change}{number}"


class Change(NamedTuple):
    """One field of a node of the syntax tree and what it becomes; either the field is shown or the whole node."""

    node: ast.AST
    field: str
    value: object
    shows_field: bool = False

    def text(self) -> str:
        """Return the source text of what is shown, as the tree is now."""
        shown = getattr(self.node, self.field) if self.shows_field else self.node
        return " ".join(ast.unparse(shown).split())


def mutants_of(path: Path, file: str) -> Iterator[Mutant]:
    """Yield the mutants of all function bodies in a file, in the order of the text."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    seen: dict[tuple[str, str], int] = {}
    for function, name in _functions(tree, ""):
        place = Place(file, _first_line(function), name)
        for change in [change for node in _body_nodes(function) for change in _changes(node)]:
            text, code = _made(tree, change, str(path))
            number = seen[(name, text)] = seen.get((name, text), 0) + 1
            line = getattr(change.node, "lineno", function.lineno)
            yield Mutant(place, line=line, number=number, change=text, code=_code_at(code, place))


def _made(tree: ast.Module, change: Change, path: str) -> tuple[str, CodeType]:
    """Compile the tree with a change made, and take the change back."""
    kept, before = getattr(change.node, change.field), change.text()
    setattr(change.node, change.field, change.value)
    ast.fix_missing_locations(tree)
    try:
        return f"{before} -> {change.text()}", compile(tree, path, "exec", dont_inherit=True)
    finally:
        setattr(change.node, change.field, kept)


def _code_at(module: CodeType, place: Place) -> CodeType:
    waiting = [module]
    while waiting:
        code = waiting.pop()
        if code.co_firstlineno == place.line and code.co_qualname == place.function:
            return code
        waiting.extend(constant for constant in code.co_consts if isinstance(constant, CodeType))
    raise LookupError(place)


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[Function, str]]:
    """Yield the outermost functions and methods below a node with their qualified names."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield child, f"{prefix}{child.name}"
        else:
            yield from _functions(child, f"{prefix}{child.name}." if isinstance(child, ast.ClassDef) else prefix)


def _first_line(function: Function) -> int:
    return min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])


def _body_nodes(function: Function) -> Iterator[ast.AST]:
    """Yield what may be changed: neither annotations nor the texts of messages."""
    waiting: list[ast.AST] = list(reversed(function.body))
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.JoinedStr | ast.Assert | ast.Raise):
            continue
        children = [child for field, child in _children(node) if field not in ("annotation", "returns")]
        waiting.extend(reversed(children))


def _children(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield field, child


def _changes(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Compare):
        for position, operator in enumerate(node.ops):
            others: list[ast.cmpop] = list(node.ops)
            others[position] = _COMPARISONS[type(operator)]()
            yield Change(node, "ops", others)
    elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _OPERATORS and not _is_of_texts(node):
        yield Change(node, "op", _OPERATORS[type(node.op)]())
    elif isinstance(node, ast.BoolOp):
        yield Change(node, "op", _WORDS[type(node.op)]())
    elif isinstance(node, ast.If | ast.IfExp | ast.While) and isinstance(node.test, _CONDITIONS):
        yield Change(node, "test", ast.UnaryOp(ast.Not(), node.test), shows_field=True)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield Change(node, "operand", ast.UnaryOp(ast.Not(), node.operand))
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield Change(node, "value", not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield Change(node, "value", node.value + 1)
    elif isinstance(node, ast.Name) and node.id in _NAMES:
        yield Change(node, "id", _NAMES[node.id])


def _is_of_texts(node: ast.BinOp | ast.AugAssign) -> bool:
    parts = (node.left, node.right) if isinstance(node, ast.BinOp) else (node.value,)
    return any(
        isinstance(part, ast.JoinedStr) or (isinstance(part, ast.Constant) and isinstance(part.value, str | bytes))
        for part in parts
    )
