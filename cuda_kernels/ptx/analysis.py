"""What is read off the text before it is translated: where threads meet, and which accesses are checked together.

A thread that waits for others keeps the registers that are live: some way on from there reads them before anything
writes them. Found backwards, block by block, until nothing changes (Aho, Lam, Sethi, Ullman, *Compilers*, 2nd edition,
9.2.5).

Two meetings are not of the ISA, and put in here. A `yield` stands in a loop in which a thread waits until another one
has written something: it goes round once, and lets the others run. A `pause`, for random orders, stands before a store.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .parse import Function, Instruction, Memory, bytes_of, space_of

OURS = ("pause", "yield")
MEETINGS = frozenset(("bar", "barrier", "shfl", "vote", "match", "activemask", "redux", "mma", *OURS))
ORDERED = frozenset((".volatile", ".relaxed", ".acquire", ".release"))
_NO_RESULT = frozenset(
    (
        "st",
        "red",
        "bra",
        "brx",
        "ret",
        "exit",
        "trap",
        "call",
        "bar",
        "barrier",
        "membar",
        "fence",
        "prefetch",
        "prefetchu",
        "nanosleep",
        "brkpt",
        "pmevent",
        *OURS,
    )
)


def meets(i: Instruction) -> bool:
    """Do threads wait for each other at this instruction?"""
    return i.opcode in MEETINGS


def is_register(word: object) -> bool:
    """Is this a register of the program (`%SP` is the stack's)? `%tid.x`, `%laneid` and the like are none.

    >>> is_register("%rd12"), is_register("%tid.x"), is_register("5")
    (True, False, False)
    """
    return (
        isinstance(word, str)
        and word[:1] == "%"
        and (word[-1:].isdigit() or word in ("%SP", "%SPL"))
        and "." not in word
        and word not in ("%clock64",)
    )


def results(i: Instruction) -> list[str]:
    """The registers that an instruction writes."""
    if i.opcode in _NO_RESULT and ".red" not in i.modifiers:
        return []
    count = 2 if "|" in i.text else 1
    words: list[object] = []
    for operand in i.operands[:count]:
        words += operand if isinstance(operand, tuple) else [operand]
    return [str(word) for word in words if is_register(word)]


def reads(i: Instruction) -> list[str]:
    """The registers that an instruction reads, its guard among them."""
    skipped = 2 if "|" in i.text else 0 if i.opcode in _NO_RESULT and ".red" not in i.modifiers else 1
    words: list[object] = [i.guard.lstrip("!")]
    for operand in i.operands[skipped:]:
        if isinstance(operand, Memory):
            words.append(operand.base)
        elif isinstance(operand, tuple):
            words += operand
        else:
            words.append(operand.lstrip("!"))
    return [str(word) for word in words if is_register(word)]


def successors(function: Function, k: int) -> list[int]:
    """The numbers of the blocks that may follow block `k`."""
    numbers = {block.label: n for n, block in enumerate(function.blocks)}
    found = []
    for i in function.blocks[k].instructions:
        if i.opcode == "bra":
            found.append(numbers[str(i.operands[0])])
        elif i.opcode == "brx":
            found += [numbers[label] for label in function.tables[str(i.operands[1])]]
        if i.opcode in ("bra", "brx", "ret", "exit", "trap") and not i.guard:
            return found
    return [*found, k + 1] if k + 1 < len(function.blocks) else found


def _before(i: Instruction, live: set[str]) -> set[str]:
    """What is live before an instruction, from what is live after it; a guarded one may not write."""
    return (live if i.guard else live - set(results(i))) | set(reads(i))


def live_at_meetings(function: Function) -> list[tuple[Instruction, list[str]]]:
    """Each place where threads meet, in the order of the text, and the registers live after it, without its results."""
    count = len(function.blocks)
    following = [successors(function, k) for k in range(count)]
    entering: list[set[str]] = [set() for _ in range(count)]
    # A branch in the middle of a block leaves it with what its target needs: taken into account at the branch.
    numbers = {block.label: n for n, block in enumerate(function.blocks)}

    def walk(k: int, note: bool) -> set[str]:
        live: set[str] = set().union(*(entering[n] for n in following[k]))
        for i in reversed(function.blocks[k].instructions):
            if i.opcode == "bra":
                live = live | entering[numbers[str(i.operands[0])]]
            if note and meets(i):
                found.append((i, sorted(live if i.guard else live - set(results(i)))))
            live = _before(i, live)
        return live

    found: list[tuple[Instruction, list[str]]] = []
    changed = True
    while changed:
        changed = False
        for k in reversed(range(count)):
            live = walk(k, note=False)
            if live != entering[k]:
                entering[k], changed = live, True
    for k in reversed(range(count)):
        walk(k, note=True)
    return found[::-1]


def add_pauses(function: Function) -> None:
    """Put a pause in front of each store that other threads can see: between a load and the store that depends on it
    other lanes then do the same, as they do on a GPU. A sum without an atomic so loses what they add.
    """
    for block in function.blocks:
        with_pauses: list[Instruction] = []
        for i in block.instructions:
            if i.opcode == "st" and space_of(i) in ("", ".global", ".shared"):
                with_pauses.append(i._replace(opcode="pause", modifiers=(), operands=()))
            with_pauses.append(i)
        block.instructions = with_pauses


def add_yields(function: Function) -> None:
    """Put a yield in front of each jump back of a loop that waits for another thread."""
    numbers = {block.label: n for n, block in enumerate(function.blocks)}
    for k, block in enumerate(function.blocks):
        with_yields: list[Instruction] = []
        for i in block.instructions:
            if i.opcode == "bra" and numbers[str(i.operands[0])] <= k:
                loop = function.blocks[numbers[str(i.operands[0])] : k + 1]
                if _waits([i for part in loop for i in part.instructions]):
                    with_yields.append(i._replace(opcode="yield", modifiers=(), operands=()))
            with_yields.append(i)
        block.instructions = with_yields


def _waits(loop: list[Instruction]) -> bool:
    """Does a loop read what other threads may write meanwhile, and go on or end by that?

    So read an atomic, a volatile or ordered load, and any load of a loop with a fence. A compare-and-swap that expects
    what it found the last time waits for nobody: it fails only where another thread has come on.
    """
    fenced = any(i.opcode in ("membar", "fence", "nanosleep") for i in loop)

    def made_of(registers: set[str]) -> set[str]:
        """All registers of the loop that are computed from these."""
        found, before = set(registers), -1
        while len(found) != before:
            before = len(found)
            found |= {r for i in loop if not found.isdisjoint(reads(i)) for r in results(i)}
        return found

    seen: set[str] = set()
    for i in loop:
        if i.opcode == "ld" and space_of(i) in ("", ".global", ".shared"):
            if fenced or not ORDERED.isdisjoint(i.modifiers):
                seen |= set(results(i))
        elif i.opcode == "atom" and not (".cas" in i.modifiers and i.operands[2] in made_of(set(results(i)))):
            seen |= set(results(i))
    deciding = {r for i in loop if i.opcode in ("bra", "brx") for r in reads(i)}
    return not deciding.isdisjoint(made_of(seen))


@dataclass
class Group:
    """Accesses through one register, by constant distances, that all happen if the first one does."""

    members: list[Instruction]
    low: int  # bytes from the register's address to the first byte that one of them touches
    high: int  # and behind the last
    size: int  # of each access
    others: list[Group] = field(default_factory=list)  # through other registers, that are asked for with this one
    joined: bool = False  # it is among another one's


def access_of(i: Instruction) -> tuple[Memory, int] | None:
    """Place and bytes of an instruction's access to memory through a register; None where it has none."""
    if i.opcode not in ("ld", "ldu", "st", "atom", "red"):
        return None
    place = next((o for o in i.operands if isinstance(o, Memory)), None)
    if place is None or not is_register(place.base) or space_of(i) in (".param", ".const"):
        return None
    vector = next((len(o) for o in i.operands if isinstance(o, tuple) and not isinstance(o, Memory)), 1)
    return place, vector * bytes_of(i.modifiers[-1])


def groups_of(function: Function) -> dict[int, Group]:
    """The groups of a function's accesses, by the `id` of each instruction."""
    found: dict[int, Group] = {}
    for block in function.blocks:
        open_groups: dict[tuple[str, str, int], Group] = {}
        first, first_at = None, 0
        written_at: dict[str, int] = {}
        for k, i in enumerate(block.instructions):
            access = access_of(i)
            if access and not i.guard:
                place, size = access
                key = (place.base, space_of(i), size)
                group = open_groups.get(key)
                if group is None or (place.offset - group.low) % size:
                    group = open_groups[key] = Group([], place.offset, place.offset + size, size)
                    if first is not None and written_at.get(place.base, -1) < first_at:
                        first.others.append(group)
                        group.joined = True
                    else:
                        first, first_at = group, k
                group.members.append(i)
                group.low, group.high = min(group.low, place.offset), max(group.high, place.offset + size)
                found[id(i)] = group
            written_at |= dict.fromkeys(results(i), k)
            open_groups = {key: g for key, g in open_groups.items() if written_at.get(key[0], -1) < k}
            if meets(i) or i.opcode in ("bra", "brx", "ret", "exit", "trap", "brkpt", "call"):
                open_groups, first = {}, None
    return found


_ADDRESSES = frozenset(("mov", "add", "sub", "mad", "cvta", "selp", "or"))  # what makes addresses of addresses


def origins_of(function: Function) -> dict[str, str]:
    """The registers that hold an address computed from one pointer among the parameters, and which one.

    A pointer is a parameter that is made an address of global memory, or used as one. What a register ever holds
    counts, wherever it stands; so this says where to look first, and is no proof.
    """
    everything = [i for block in function.blocks for i in block.instructions]
    loaded = {}
    for i in everything:
        source = i.operands[1] if i.opcode == "ld" and space_of(i) == ".param" else None
        if isinstance(source, Memory) and source.offset == 0 and i.modifiers[-1] == ".u64":
            loaded[str(i.operands[0])] = source.base
    used = {str(i.operands[1]) for i in everything if i.opcode == "cvta" and ".to" in i.modifiers}
    used |= {access[0].base for access in map(access_of, everything) if access}
    found = {register: {name} for register, name in loaded.items() if register in used}
    steps = [(results(i), reads(i)) for i in everything if i.opcode in _ADDRESSES]
    changed = True
    while changed:
        changed = False
        for written, read in steps:
            names = set().union(*(found.get(register, ()) for register in read))
            for register in written:
                if not names <= found.get(register, set()):
                    found[register], changed = found.get(register, set()) | names, True
    return {register: next(iter(names)) for register, names in found.items() if len(names) == 1}
