"""`minidl course`: the teacher's commands. Each does its work in `minidl.course.teaching`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from minidl.course.teaching.course_file import Course
    from minidl.course.teaching.grading import Graded

course = typer.Typer(
    name="course", help="For who teaches: a course's schedule, the students' copy, grades, the mistakes of a class.",
    no_args_is_help=True, add_completion=False, rich_markup_mode=None,
)  # fmt: skip
Where = Annotated[Path, typer.Option("--course", "-c", help="The course's folder, or its course.toml.")]
Submissions = Annotated[Path, typer.Argument(help="Folder of submissions; folders in it are read too.")]
Only = Annotated[str, typer.Option("--only", help="Exercises: 13-24, names, or a track's letter. By default all.")]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=0, help="Processes; 0 is as many as there are processors.")]
Seed = Annotated[str, typer.Option("--seed", help="Of the hidden cases; by default the course's secret.")]


def _course(place: Path) -> Course:
    """The course of a folder; one of all exercises, with a secret of the day, where a folder has none."""
    from minidl.course.teaching import course_file

    if place == Path(".") and not (place / course_file.FILE).exists():
        typer.echo("no course.toml here: all exercises, and a new secret", err=True)
        return course_file.Course(Path.cwd().name, secret=course_file.new_secret())
    return course_file.read(place)


@course.command()
def new(
    folder: Annotated[Path, typer.Argument(help="The folder to make.")],
    weeks: Annotated[int, typer.Option("--weeks", "-w", help="Weeks; six and fewer get a selection.")] = 12,
    only: Only = "",
    name: Annotated[str, typer.Option(help="Of the course; by default the folder's.")] = "",
    starts: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The first day; by default the next Monday.")
    ] = None,
) -> None:
    """Make a course: course.toml, a schedule, a letter to the students."""
    from minidl.course.teaching import course_file, planning

    chosen = course_file.numbers(only) if only else ()
    made = planning.make(folder, name, weeks, starts.date() if starts else None, chosen)
    typer.echo(planning.schedule(made))
    for file in ("course.toml: dates, points, and the secret of the hidden cases", "schedule.md", "letter.md"):
        typer.echo(f"{folder}/{file}")
    typer.echo(f"next: minidl course student-copy students --course {folder}")


@course.command()
def grade(
    submissions: Submissions, where: Where = Path("."), only: Only = "", seed: Seed = "", jobs: Jobs = 0,
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write.")] = Path("grades"),
) -> None:  # fmt: skip
    """Run every source on public and hidden cases: grades.csv, a page a student, report.html."""
    from minidl.course.teaching import gradebook, report

    graded = _graded(submissions, where, only, seed, jobs)
    written = gradebook.write(graded, out, report.html(graded))
    typer.echo(report.text(graded))
    typer.echo(f"{len(written)} files in {out}: grades.csv, details.csv, report.html, students/")


def _graded(submissions: Path, where: Path, only: str, seed: str, jobs: int) -> Graded:
    import sys

    from minidl.course.teaching import course_file, grading, submission

    found = _course(where)
    wanted = set(course_file.numbers(only)) if only else set(found.exercises)
    handed_in, problems = submission.gathered(submissions, wanted)
    terminal = sys.stderr.isatty()
    say = (lambda text: typer.echo(f"\r{text}", nl=False, err=True)) if terminal else (lambda text: None)
    graded = grading.grade(found, handed_in, problems, seed=seed, jobs=jobs, say=say)
    if terminal:
        typer.echo("", err=True)
    return graded


@course.command()
def report(
    submissions: Submissions, where: Where = Path("."), only: Only = "", seed: Seed = "", jobs: Jobs = 0,
    html: Annotated[Path | None, typer.Option("--html", help="Also write it as a page.")] = None,
) -> None:  # fmt: skip
    """Print the mistakes of a class by sentence, with counts, and what to say on Monday; nothing is graded."""
    from minidl.course.teaching import report as reports
    from minidl.utils import atomic_write

    graded = _graded(submissions, where, only, seed, jobs)
    typer.echo(reports.text(graded))
    if html is not None:
        with atomic_write(html) as unfinished:
            unfinished.write_text(reports.html(graded), encoding="utf-8", errors="replace")


@course.command("student-copy")
def student_copy(
    out: Annotated[Path, typer.Argument(help="The folder to make.")], where: Where = Path("."),
    as_zip: Annotated[bool, typer.Option("--zip", help="As OUT.zip.")] = False,
    student: Annotated[str, typer.Option(help="This student's own copy, with the variants drawn for the name.")] = "",
    students: Annotated[
        Path | None, typer.Option(help="A file with a name a line: a copy each, in a folder or zip of the name.")
    ] = None,
) -> None:  # fmt: skip
    """Write what students get: starters, notebooks, letter, schedule, and minidl to install. No solution is in it."""
    from minidl.course.teaching import student_copy as copies
    from minidl.course.teaching import variants

    found = _course(where)
    if student and students is not None:
        raise typer.BadParameter("give one of --student NAME and --students FILE")
    if students is not None:
        places = [copies.write(found, out / name, as_zip, name) for name in variants.students(students)]
        typer.echo(f"{len(places)} copies in {out}: give each student the own one; README.md in it says how to begin")
        return
    place = copies.write(found, out, as_zip, student)
    typer.echo(f"{place}: give it to the students; README.md in it says how to begin")
    if not student and (left := [str(n) for n in found.exercises if n in found.variants]):
        typer.echo(f"note: no starter of {', '.join(left)}, of which each student has a variant: --students", err=True)


@course.command()
def variant(
    which: Annotated[list[str], typer.Argument(help="Exercises: numbers, names, ranges, tracks.")],
    where: Annotated[
        Path, typer.Option("--course", "-c", "--secret-from", help="The course's folder, or its course.toml.")
    ] = Path("."),
    student: Annotated[str, typer.Option(help="Print this student's starter.")] = "",
    students: Annotated[
        Path | None, typer.Option(help="A file with a name a line: write the starters of all of them.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write.")] = Path("variants"),
) -> None:
    """Write exercises with other numbers for each student, drawn from the course's secret; `grade` holds them to it."""
    from minidl.course.teaching import course_file, variants

    found, numbers = course_file.read(where), course_file.numbers(" ".join(which))
    if bool(student) == (students is not None):
        raise typer.BadParameter("give one of --student NAME and --students FILE")
    for number in numbers if student else ():
        typer.echo(variants.starter(found, number, student))
    if students is not None:
        written = variants.write(found, numbers, variants.students(students), out)
        typer.echo(f"{len(written)} files in {out}, a folder a student")
    if missing := [str(n) for n in numbers if n not in found.variants]:
        typer.echo(
            f"note: `grade` asks for variants once {found.path} says variants = [{', '.join(missing)}]", err=True
        )


@course.command()
def similar(
    submissions: Submissions,
    past: Annotated[Path | None, typer.Option(help="Folder of submissions of years before.")] = None,
    least: Annotated[float, typer.Option(min=0, max=1, help="How alike, from 0 to 1.")] = 0.8,
) -> None:
    """List pairs of texts that are alike, for a person to look at: names, numbers and texts do not count."""
    from minidl.course.teaching import similar as alike
    from minidl.course.teaching.submission import gathered

    mine, problems = gathered(submissions)
    typer.echo(alike.text(alike.pairs(mine, gathered(past)[0] if past else (), least)))
    for problem in problems:
        typer.echo(f"note: {problem}", err=True)


@course.command("mutation-table")
def mutation_table(
    which: Annotated[list[str] | None, typer.Argument(help="Exercises; by default all.")] = None,
) -> None:
    """Hold exercises to their banks: each wrong solution at its stage with its sentence, else the exit code is 1."""
    from minidl.course import verify

    raise typer.Exit(verify.main(which or []))


@course.command()
def preview(
    which: Annotated[str, typer.Argument(help="Number or name.")],
    language: Annotated[str, typer.Option(help="en or zh.")] = "en",
) -> None:
    """Print what a student sees of each wrong solution of an exercise."""
    from minidl.course import catalog
    from minidl.course.checker.judging import check_source

    number = catalog.number_of(which)
    for wrong in catalog.bank(number).wrong.values():
        typer.echo(f"[{wrong.name}]\n{check_source(number, wrong.source).text(language)}\n")


@course.command()
def export(
    form: Annotated[str, typer.Argument(help="nbgrader or otter.")],
    which: Annotated[list[str], typer.Argument(help="Exercises: numbers, names, ranges, tracks.")],
    where: Where = Path("."),
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write.")] = Path("."),
) -> None:
    """Write exercises as nbgrader's source notebook, or as otter's tests."""
    from minidl.course.teaching import course_file, notebooks

    if form not in ("nbgrader", "otter"):
        raise typer.BadParameter(f"{form!r} is not one of nbgrader, otter")
    for path, text in notebooks.exported(form, course_file.numbers(" ".join(which)), _course(where)).items():
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_text(text, encoding="utf-8", newline="\n")
        typer.echo(str(out / path))


@course.command()
def gradescope(
    where: Where = Path("."),
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write.")] = Path("autograder.zip"),
    wheels: Annotated[
        Path | None, typer.Option(help="A folder of wheels to put in, so that the set-up needs no network.")
    ] = None,
) -> None:
    """Write Gradescope's autograder: minidl, the course, and what runs them."""
    from minidl.course.teaching import gradescope as scope

    out.write_bytes(scope.archive(_course(where), wheels))
    typer.echo(f"{out}: upload it as the assignment's autograder{'' if wheels else '; its set-up asks the network'}")
