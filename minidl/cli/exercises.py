"""`minidl exercises`: the student's commands. Each does its work in `minidl.course`."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from minidl.course.folder import Folder

exercises = typer.Typer(
    name="exercises", help="Exercises that teach by the mistake: write, check, look at what a GPU would make of it.",
    no_args_is_help=True, add_completion=False, rich_markup_mode=None,
)  # fmt: skip
Which = Annotated[str | None, typer.Argument(help="Number or name; by default the current exercise.")]
Language = Annotated[str | None, typer.Option("--language", help="en or zh; also the variable MINIDL_LANGUAGE.")]


def _folder() -> Folder:
    from minidl.course.folder import Folder

    return Folder.find()


def _columns() -> int:
    """The columns that text may take: those of the terminal, and 100 where there is none."""
    return shutil.get_terminal_size((101, 24)).columns - 1 if sys.stdout.isatty() else 100


def _number(folder: Folder, which: str | None) -> int:
    from minidl.course.catalog import number_of

    return number_of(which) if which else folder.current


@exercises.command("list")
def list_(
    track: Annotated[str, typer.Option("--track", "-t", help="A letter, A to G.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Print all exercises: state, stars, minutes, and what they need; the next one is marked."""
    from minidl.course.commands import listing, rows
    from minidl.errors import ArgumentError

    try:
        folder = _folder()
    except ArgumentError:
        folder = None
    typer.echo(
        json.dumps(rows(folder, track), ensure_ascii=False)
        if as_json
        else listing(folder, track, _columns() if sys.stdout.isatty() else 120)
    )


@exercises.command()
def start(
    which: Which = None,
    again: Annotated[bool, typer.Option("--again", help="Begin anew; the old file is kept as NAME.py.1.")] = False,
) -> None:
    """Write an exercise's file, and print where it is and what it asks for."""
    from minidl.course import commands
    from minidl.course.catalog import load, number_of
    from minidl.course.exercise import Kernel
    from minidl.course.folder import Folder

    number = number_of(which) if which else 0  # an unknown one is refused before a folder is made
    folder = Folder.make()
    number = number or folder.next()
    path, written = folder.start(number, again)
    e = load(folder.key(number))
    folder.note(number)
    typer.echo(f"{path}{'' if written else '   (was there, and is left as it is)'}\n")
    place = f", notebook {e.section}" if e.section else ""
    typer.echo(f"{e.number} · {e.name} {'★' * e.stars}   some {e.minutes} minutes{place}")
    typer.echo(commands.set_in_lines(e.text, _columns()))
    typer.echo(f"\nminidl exercises check {e.number}, or watch {e.number}")
    if any(isinstance(task, Kernel) for task in e.tasks):
        typer.echo("minidl exercises explain kernel: the names that a kernel may use")


@exercises.command()
def check(
    which: Which = None,
    compiled: Annotated[
        bool,
        typer.Option("--compiled", help="Also run kernels compiled (with minidl[ptx]), and on a GPU."),
    ] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the verdict to this file.")] = None,
    junit_file: Annotated[
        Path | None, typer.Option("--junit", help="Write the verdict as JUnit's XML, for CI.")
    ] = None,
    language: Language = None,
) -> None:
    """Check an exercise. The exit code is 0 passed, 1 failed, 2 not begun."""
    from minidl.course import commands

    folder = _folder()
    chosen = commands.language(language)
    result = folder.check(_number(folder, which), compiled=compiled)
    typer.echo(result.text(chosen, min(100, _columns()), timed=True))
    if json_file is not None:
        json_file.write_text(json.dumps(result.to_dict(), indent=1, ensure_ascii=False, default=str), encoding="utf-8")
    if junit_file is not None:
        from minidl.course.teaching.junit import junit

        junit_file.write_text(junit([result], chosen), encoding="utf-8")
    raise typer.Exit({"passed": 0, "failed": 1, "not begun": 2}[result.state])


@exercises.command()
def watch(which: Which = None, language: Language = None) -> None:
    """Check at every save, with keys for a hint, the next exercise, the list."""
    from minidl.course import commands
    from minidl.course.catalog import number_of
    from minidl.course.folder import Folder
    from minidl.course.watch import Watch

    number = number_of(which) if which else 0
    folder = Folder.make()
    Watch(folder, number or folder.current, typer.echo, commands.language(language), _columns).run()


@exercises.command()
def hint(which: Which = None, language: Language = None) -> None:
    """Print the next of three hints: a question, the idea, the shape of the code."""
    from minidl.course import commands
    from minidl.course.checker.results import wrapped

    folder = _folder()
    said = commands.hint(folder, _number(folder, which), commands.language(language))
    typer.echo("\n".join(wrapped(said, min(100, _columns()))))


@exercises.command()
def picture(
    which: Which = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file; by default beside yours, as .html.")
    ] = None,
    browse: Annotated[bool, typer.Option("--open", help="Show it in a browser.")] = False,
    language: Language = None,
) -> None:
    """Check an exercise, and write the verdict with a picture of what went wrong as one HTML file."""
    from minidl.course import commands

    folder = _folder()
    chosen = commands.language(language)
    path = commands.picture(folder, folder.check(_number(folder, which)), chosen, out)
    typer.echo(str(path))
    if browse:
        typer.launch(str(path))


@exercises.command()
def explain(
    fault: Annotated[
        str | None, typer.Argument(help="F1 to F22, or kernel: the names it may use; all are listed when not given.")
    ] = None,
    language: Language = None,
) -> None:
    """Print what a fault is, the smallest program that has it, and the machine's answer to that."""
    from minidl.course.explaining import contents
    from minidl.course.explaining import explain as page
    from minidl.course.sentences import language as chosen

    told = chosen(language)
    typer.echo(page(fault, told, min(100, _columns())) if fault else contents(told))


@exercises.command()
def submit(
    which: Annotated[list[str] | None, typer.Argument(help="Numbers or names; by default all that were begun.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The file to write.")] = None,
    student: Annotated[str, typer.Option(help="Name or number, for the teacher.")] = "",
) -> None:
    """Write one file with sources and verdicts, to hand in. Nothing is sent."""
    from minidl.course import commands

    path, data = commands.submit(_folder(), which or [], out, student)
    for entry in data["exercises"]:
        typer.echo(f"{entry['number']:2d} {entry['id']:<20}{entry['state']:<10}{'★' * entry['stars']}")
    typer.echo(f"{path}: passed on the public cases; your teacher may run others")


@exercises.command()
def guesses(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Print your guesses in notebooks beside what came out, and how many were within a factor of 2."""
    from minidl.course.guesses import all_guesses, calibration, report

    found = all_guesses()
    typer.echo(
        json.dumps({"calibration": calibration(found), "guesses": found}, ensure_ascii=False) if as_json else report()
    )


@exercises.command()
def milestone(
    name: Annotated[
        str | None, typer.Argument(help="neuron, vision, kernels, cnn, attention; all are listed when not given.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The page; by default milestone_NAME.html.")] = None,
    language: Language = None,
) -> None:
    """Run a network on your accepted files, and write a page that shows it. The exit code is 0 reached, 1 not."""
    from minidl.course.milestones import NAMES, attempt, listed, of
    from minidl.course.milestones.page import write
    from minidl.course.sentences import language as chosen

    if name is not None:
        of(name)
    folder, told = _folder(), chosen(language)
    if name is None:
        typer.echo("\n".join(listed(folder, each, told) for each in NAMES))
        return
    tried = attempt(folder, name)
    typer.echo(tried.text(told))
    if tried.reached is not None:
        path = out or folder.path / f"milestone_{tried.name}.html"
        write(tried, path, told)
        typer.echo(f"   {path}")
    raise typer.Exit(0 if tried.passed else 1)


@exercises.command()
def capstone(
    file: Annotated[Path, typer.Argument(help="Your file; docs/course/capstone.md says what it holds.")],
    other: Annotated[
        Path | None, typer.Option(help="Another group's file, whose checker has to reject your bank.")
    ] = None,
) -> None:
    """Check deliverables 1 to 5 of a capstone: passed or not yet, and why. The exit code is 0 if all passed, else 1."""
    from minidl.course.capstone import check

    told = check(file, other)
    typer.echo("\n".join(map(str, told)))
    typer.echo(f"{sum(each.points for each in told if each.passed)} of {sum(each.points for each in told)} points")
    raise typer.Exit(0 if all(each.passed for each in told) else 1)


@exercises.command()
def reset(which: Annotated[str, typer.Argument(help="Number or name.")]) -> None:
    """Begin an exercise anew; the old file is kept as NAME.py.1."""
    path, _ = _folder().start(which, again=True)
    typer.echo(str(path))
