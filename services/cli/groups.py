"""Options that belong together: declared once, as the fields of a dataclass, and taken by verbs as one argument."""

from collections.abc import Callable
from dataclasses import is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Any, TypeVar

Result = TypeVar("Result")


def with_groups(verb: Callable[..., Result]) -> Callable[..., Result]:
    """Return a verb whose arguments that are dataclasses are given field by field, each field an option of its own."""
    groups: dict[str, type[Any]] = {}
    options: list[Parameter] = []
    for parameter in signature(verb).parameters.values():
        group = parameter.annotation
        if isinstance(group, type) and is_dataclass(group):
            groups[parameter.name] = group
            options += _options_of(parameter)
        else:
            options.append(parameter.replace(kind=Parameter.KEYWORD_ONLY))

    @wraps(verb)
    def of_options(**given: Any) -> Result:
        """Put the groups together and do what the verb does."""
        for name, group in groups.items():
            given[name] = group(**{option: given.pop(option) for option in signature(group).parameters})
        return verb(**given)

    # The program finds out here what it may be given.
    vars(of_options)["__signature__"] = Signature(options)
    return of_options


def _options_of(group: Parameter) -> list[Parameter]:
    """Return the options of a group; where the verb has a group as its default, theirs are its fields."""
    options = [each.replace(kind=Parameter.KEYWORD_ONLY) for each in signature(group.annotation).parameters.values()]
    if group.default is Parameter.empty:
        return options
    return [each.replace(default=getattr(group.default, each.name)) for each in options]
