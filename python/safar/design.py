"""The designed journey: steps, and the blocks in which they may stand, for `EventLog.conformance`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, TypeAlias

from safar import _args
from safar._typing import Duration
from safar.errors import ArgumentError, ArgumentTypeError

__all__ = [
    "Block",
    "blocks_of",
    "choice",
    "design_text",
    "loop",
    "optional",
    "parallel",
    "step",
    "steps_of",
    "ways_into",
]

_KINDS = ("sequence", "parallel", "choice", "loop")
_LEAST = {"sequence": 1, "parallel": 2, "choice": 2, "loop": 1}
# Steps by the column that the map gives.
_COLUMNS = ("touchpoint", "stage")


@dataclass(frozen=True, slots=True)
class Block:
    """A step of a designed journey, or a block of steps; `step`, `optional`, `parallel`, `choice` and `loop` write it.

    Parameters
    ----------
    step
        The label of the step: a touchpoint, stage or event. None for a block.
    column
        Whether it is a ``"touchpoint"`` or a ``"stage"``; by default what the question says.
    within
        The longest time from the end of the step before.
    optional
        Whether it may be left out.
    sequence, parallel, choice, loop
        The parts of a block: one after the other; all, in any order; one of them; once or more, one after the other.
    again
        What comes between two times of a loop.

    Examples
    --------
    >>> import safar
    >>> print(safar.design.optional("chat"))
    chat?
    """

    step: str | None = None
    _: KW_ONLY
    column: str | None = None
    within: Duration | None = None
    optional: bool = False
    sequence: tuple[Block, ...] = ()
    parallel: tuple[Block, ...] = ()
    choice: tuple[Block, ...] = ()
    loop: tuple[Block, ...] = ()
    again: tuple[Block, ...] = ()

    def __post_init__(self) -> None:
        for name in (*_KINDS, "again"):
            object.__setattr__(self, name, blocks_of(getattr(self, name), name))
        object.__setattr__(self, "optional", _args.flag(self.optional, "optional"))
        kinds = [name for name in _KINDS if getattr(self, name)]
        if len(kinds) + (self.step is not None) != 1:
            raise ArgumentError(
                "a part of a designed journey is either a step or one block (sequence, parallel, choice, loop); this "
                f"is {'none' if not kinds and self.step is None else 'several'} of them"
            )
        if self.step is not None:
            _args.text(self.step, "step")
        for name in kinds:
            if len(getattr(self, name)) < _LEAST[name]:
                raise ArgumentError(f"{name} holds {len(getattr(self, name))} part; expected {_LEAST[name]}")
        if self.again and not self.loop:
            raise ArgumentError("again is what comes between two times of a loop, and this is none")
        if self.within is not None:
            if self.step is None:
                raise ArgumentError("a block has no time limit; give within= to its steps")
            object.__setattr__(self, "within", _args.duration(self.within, "within"))
        if self.column is not None and self.step is None:
            raise ArgumentError("a block has no column; give it to its steps")

    def __str__(self) -> str:
        return design_text([self])


Part: TypeAlias = str | Block | Mapping[str, Any]


def step(label: str, *, within: Duration | None = None, optional: bool = False) -> Block:
    """Which step of a designed journey is this?

    Parameters
    ----------
    label
        The touchpoint, stage or event.
    within
        The longest time from the end of the step before, such as ``"2d"``; a later one is late. By default any.
    optional
        Whether it may be left out (default False).

    Examples
    --------
    >>> import safar
    >>> print(safar.design.step("checkout", within="1h"))
    checkout within 1h
    """
    return Block(label, within=within, optional=optional)


def optional(*parts: Part) -> Block:
    """Which steps may be left out, all of them together?

    Examples
    --------
    >>> import safar
    >>> print(safar.design.optional("compare", "wishlist"))
    (compare > wishlist)?
    """
    found = blocks_of(parts, "optional")
    return replace(found[0], optional=True) if len(found) == 1 else Block(sequence=found, optional=True)


def parallel(*parts: Part | Sequence[Part]) -> Block:
    """Which steps are all due, in any order? A list among them is a sequence.

    Examples
    --------
    >>> import safar
    >>> print(safar.design.parallel("verify", ["invoice", "pay"]))
    (verify & (invoice > pay))
    """
    return Block(parallel=blocks_of(parts, "parallel"))


def choice(*parts: Part | Sequence[Part]) -> Block:
    """Of which steps is one due? A list among them is a sequence.

    Examples
    --------
    >>> import safar
    >>> print(safar.design.choice("store", ["cart", "checkout"]))
    (store | (cart > checkout))
    """
    return Block(choice=blocks_of(parts, "choice"))


def loop(*parts: Part, again: Part | Sequence[Part] = ()) -> Block:
    """Which steps may be done several times, and what comes between two times?

    Parameters
    ----------
    *parts
        The steps, at least once, one after the other.
    again
        Steps between two times; by default none.

    Examples
    --------
    >>> import safar
    >>> print(safar.design.loop("ask", "answer", again="reopen"))
    (ask > answer)+(reopen)
    """
    between = (again,) if isinstance(again, str | Block | Mapping) else again
    return Block(loop=blocks_of(parts, "loop"), again=blocks_of(between, "again"))


def blocks_of(given: object, argument: str) -> tuple[Block, ...]:
    """The parts of a design, each as a `Block`."""
    if isinstance(given, str | Mapping | Block) or not isinstance(given, Sequence):
        raise ArgumentTypeError(
            f'{argument} is a {type(given).__name__}; expected a list of steps such as ["visit", "cart", "purchase"]'
        )
    return tuple(_block(part, argument) for part in given)


def _block(given: object, argument: str) -> Block:
    if isinstance(given, Block):
        return given
    if isinstance(given, str):
        return Block(_args.text(given, argument))
    if isinstance(given, Mapping):
        return _args.from_fields(Block, _named(given), f"a part of {argument}")
    if isinstance(given, Sequence) and given:
        return Block(sequence=blocks_of(given, argument))
    raise ArgumentTypeError(
        f'{argument} holds {given!r}, a {type(given).__name__}; expected a step such as "cart", or a block such as '
        'safar.design.optional("cart")'
    )


def _named(given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a block, from those of the map's file as well."""
    found = {name: value for name, value in given.items() if name not in _COLUMNS}
    for column in _COLUMNS:
        if given.get(column) is not None:
            if found.get("step") is not None:
                raise ArgumentError(f"a step is either a touchpoint or a stage, not both: {dict(given)!r}")
            found |= {"step": given[column], "column": column}
    return found


def of_map(steps: Sequence[Any]) -> tuple[Block, ...]:
    """The design of a journey map."""
    return tuple(
        Block(
            each.touchpoint or each.stage,
            column=None if each.touchpoint is None and each.stage is None else _column(each),
            within=each.within,
            optional=each.optional,
            **{name: of_map(getattr(each, name)) for name in (*_KINDS, "again")},
        )
        for each in steps
    )


def _column(each: Any) -> str:
    return "touchpoint" if each.touchpoint is not None else "stage"


def steps_of(blocks: Sequence[Block]) -> Iterator[Block]:
    """The steps of a design, in its order."""
    for block in blocks:
        if block.step is not None:
            yield block
        for name in (*_KINDS, "again"):
            yield from steps_of(getattr(block, name))


def ways_into(blocks: Sequence[Block]) -> list[tuple[Block, Block]]:
    """Pairs of a step and one that is due after it, with nothing that has to be done between them.

    A step that may be left out, or that is one of several to choose from, is never due.
    """
    ways: list[tuple[Block, Block]] = []
    _walk(blocks, [], ways, due=True)
    return list(dict.fromkeys(ways))


def _walk(
    blocks: Sequence[Block], before: list[Block], ways: list[tuple[Block, Block]], *, due: bool
) -> tuple[list[Block], bool]:
    """Which steps may be the latest ones after blocks one after the other, and whether all may be left out."""
    all_may = True
    for block in blocks:
        inside = due and not block.optional
        if block.step is not None:
            ways += [(step, block) for step in before] if inside else []
            last, skipped = [block], False
        elif block.parallel or block.choice:
            is_choice = bool(block.choice)
            parts = [
                _walk([part], before, ways, due=inside and not is_choice)
                for part in block.choice or block.parallel
            ]
            skips = [skip for _, skip in parts]
            last = [step for steps, _ in parts for step in steps if step not in before]
            skipped = any(skips) if is_choice else all(skips)
        elif block.loop:
            last, skipped = _walk(block.loop, before, ways, due=inside)
            again, _ = _walk(block.again, last, ways, due=False)
            _walk(block.loop, again, ways, due=inside and bool(block.again))
        else:
            last, skipped = _walk(block.sequence, before, ways, due=inside)
        may_skip = skipped or block.optional
        before = [*last, *(step for step in before if may_skip and step not in last)]
        all_may = all_may and may_skip
    return before, all_may


def tree_of(blocks: Sequence[Block], numbers: Iterator[int]) -> list[dict[str, Any]]:
    """The blocks as the kernel reads them; `numbers` counts the steps."""
    return [_tree(block, numbers) for block in blocks]


def _tree(block: Block, numbers: Iterator[int]) -> dict[str, Any]:
    found: dict[str, Any]
    if block.step is not None:
        found = {"step": next(numbers)}
    elif block.loop:
        found = {"loop": [tree_of(block.loop, numbers), tree_of(block.again, numbers)]}
    else:
        name = next(name for name in _KINDS if getattr(block, name))
        found = {name: tree_of(getattr(block, name), numbers)}
    return {"optional": found} if block.optional else found


def design_text(blocks: Sequence[Block]) -> str:
    """A design in a line: ``>`` then, ``&`` beside, ``|`` or, ``?`` perhaps, ``+`` once or more."""
    return " > ".join(_text(block) for block in blocks)


def _text(block: Block) -> str:
    if block.step is not None:
        text = block.step
    elif block.parallel:
        text = f"({' & '.join(_text(part) for part in block.parallel)})"
    elif block.choice:
        text = f"({' | '.join(_text(part) for part in block.choice)})"
    elif block.loop:
        text = f"({design_text(block.loop)})+" + (f"({design_text(block.again)})" if block.again else "")
    else:
        text = f"({design_text(block.sequence)})"
    limit = "" if block.within is None else f" within {block.within}"
    return f"{text}{'?' if block.optional else ''}{limit}"
