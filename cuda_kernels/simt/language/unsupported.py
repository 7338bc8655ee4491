"""What to write instead of Python that has no meaning in a kernel, by the name of the syntax tree's node."""

INSTEAD = {
    "ListComp": "a list comprehension; use cuda.local.array and a loop",
    "SetComp": "a set comprehension; use cuda.local.array and a loop",
    "DictComp": "a dict comprehension; index an array by number",
    "GeneratorExp": "a generator expression; write a loop that adds up",
    "Dict": "a dict; use an array indexed by number",
    "Set": "a set; use an array of flags",
    "List": "a list; use a tuple of constant length or cuda.local.array",
    "Try": "try; test the condition with if beforehand",
    "TryStar": "try; test the condition with if beforehand",
    "With": "with; a kernel has no context managers",
    "JoinedStr": "an f-string; a kernel has no strings, print the numbers",
    "FormattedValue": "an f-string; a kernel has no strings, print the numbers",
    "Lambda": "a lambda as a value; call it, give it a name in the kernel, or define a function marked "
    "@cuda.jit(device=True)",
    "ClassDef": "class; use arrays and tuples",
    "Import": "import; import at the top of the file",
    "ImportFrom": "import; import at the top of the file",
    "Global": "global; pass an array to write to",
    "Nonlocal": "nonlocal; return the value instead",
    "Delete": "del; it has no meaning in a kernel",
    "Yield": "yield; write into an array",
    "YieldFrom": "yield; write into an array",
    "Await": "await; use a barrier",
    "AsyncFor": "async; use a plain loop",
    "AsyncWith": "async; use a barrier",
    "AsyncFunctionDef": "async; use a plain function",
    "Starred": "*; write the elements out",
    "Match": "match with this pattern; numbers, names, | and guards are taken, use if and elif for the rest",
}

NO_STRINGS = ("a kernel has no strings: print the numbers themselves, print(\"x =\", x), and pass codes (integers) in "
              "place of words")
NO_RANDOM = ("a kernel cannot reach the host's random numbers: use numba.cuda.random with one state for each thread, "
             "or pass a seed and hash it with the thread's index (a counter-based generator such as Philox)")
