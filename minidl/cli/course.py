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
