"""A new course: which exercises and notebooks in which week, the schedule, and the letter to the students."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

from minidl.course import catalog
from minidl.course.teaching.course_file import FILE, Course, Week, new_secret
from minidl.errors import ArgumentError

SHORT = (1, 3, 5, 8, 9, 13, 14, 18, 22, 23, 24, 26, 29, 31, 38, 42, 50)  # for six weeks or fewer
NOTEBOOKS = Path(__file__).parents[3] / "notebooks"  # of a checkout


def notebooks() -> dict[str, Path]:
    """Return the course's notebooks by number; none where only the wheel is installed."""
    return {path.name[:2]: path for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))}


def plan(weeks: int, starts: datetime.date, chosen: Sequence[int] = ()) -> tuple[Week, ...]:
    """Return the weeks: exercises in order, with about the same minutes in each, and the notebooks that lead to them.

    chosen : exercises; by default all, or for six weeks and fewer a selection of each track

    >>> [week.exercises for week in plan(2, datetime.date(2026, 9, 7), (13, 14, 15, 24))]
    [(13, 14, 15), (24,)]
    """
    if not 1 <= weeks <= 52:
        raise ArgumentError(f"course: weeks is from 1 to 52. Got {weeks}.")
    numbers = sorted(chosen or [n for n in catalog.files() if weeks > 6 or n in SHORT])
    total = sum(catalog.load(n).minutes for n in numbers)
    parts: list[list[int]] = [[] for _ in range(weeks)]
    done = 0.0
    for number in numbers:
        minutes = catalog.load(number).minutes
        parts[min(weeks - 1, int((done + minutes / 2) * weeks / total))].append(number)
        done += minutes
    left = list(notebooks())
    result = []
    for k, exercises in enumerate(parts):
        wanted = catalog.load(exercises[-1]).section[:2] if exercises else ""
        upto = [n for n in left if n <= wanted] if k < weeks - 1 else left
        left = [n for n in left if n not in upto]
        first = starts + datetime.timedelta(weeks=k)
        result.append(Week(k + 1, first, first + datetime.timedelta(days=6), tuple(exercises), tuple(upto)))
    return tuple(result)


def schedule(course: Course) -> str:
    """Return the schedule, as Markdown."""
    heads = ["week", "from", "notebooks", "exercises", "minutes", "until"]
    lines = [f"# {course.name}", "", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    titles = {number: path.stem[3:].replace("_", " ") for number, path in notebooks().items()}
    for week in course.weeks:
        todo = [catalog.load(n) for n in week.exercises]
        read = "<br>".join(f"{n} {titles.get(n, '')}".strip() for n in week.notebooks)
        work = "<br>".join(f"{e.number} {e.name} {'★' * e.stars}: {e.title}" for e in todo)
        lines.append(
            f"| {week.number} | {week.starts} | {read} | {work} | {sum(e.minutes for e in todo)} | {week.due} |"
        )
    p = course.points
    lines += ["", f"Of each exercise: {p['correct']:g} points for right results, {p['par']:g} for par (two stars), "
              f"{p['guess']:g} for a guess made before a measurement, {p['explanation']:g} for an explanation: a "
              "docstring "
              "of 30 words or more that says why it is right."]  # fmt: skip
    if course.late:
        lines += ["", f"Each day that an exercise is late takes {course.late:g} points off it."]
    return "\n".join(lines) + "\n"


def letter(course: Course) -> str:
    """Return the letter to the students, as Markdown."""
    first = course.exercises[0]
    last = course.due(first)
    by = f", the first time by {last}" if last else ""
    return f"""# {course.name}: how to begin

You write small programs: backprop in NumPy, then kernels for a GPU. You need Python 3.11 or newer and no GPU: a machine
in software runs your kernels and says what a GPU would make of them. Nothing you do is sent anywhere.

1. Unpack the folder, open a terminal in it, and install minidl as its README says.
2. `minidl exercises list` shows what there is, `minidl exercises watch {first}` begins with the first: open
   `minidl_exercises/{catalog.load(first).label}.py` in your editor; at every save the terminal says what is wrong,
   or ★★.
3. Stuck? `minidl exercises hint` asks a question, then names the idea, then the shape of the code. Hints cost nothing.
   `minidl exercises explain F4` tells what a fault means.
4. Hand in with `minidl exercises submit`: it writes one file, which you upload{by}.

What counts is that the results are right, on the cases you see and on others of other sizes and numbers: a solution
that knows the cases, instead of the answer, fails. `schedule.md` says when what is due, and for what there are points.
Work together, talk about ideas; the text that you hand in is your own. Similar texts are looked at by a person.
"""


def make(
    folder: Path, name: str, weeks: int, starts: datetime.date | None = None, chosen: Sequence[int] = ()
) -> Course:
    """Make a course's folder: course.toml, schedule.md, letter.md.

    starts : a day; by default the next Monday

    Raises
    ------
    ArgumentError : there is a course already
    """
    if (folder / FILE).exists():
        raise ArgumentError(f"{folder / FILE} is there, and is left as it is. Choose another folder, or edit it.")
    today = datetime.date.today()
    begin = starts or today + datetime.timedelta(days=7 - today.weekday())
    course = Course(name or folder.resolve().name, plan(weeks, begin, chosen), secret=new_secret(), path=folder / FILE)
    texts = {FILE: course.text(), "schedule.md": schedule(course), "letter.md": letter(course)}
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in texts.items():
        (folder / file).write_text(text, encoding="utf-8", newline="\n")
    return course
