"""`watch` in a terminal: from the save to the sentence, every key, files that vanish, the terminal as it was."""

import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import time

import pytest

from minidl.course.folder import Folder, decoded
from minidl.course.watch import SEQUENCE, Watch

ADD = """from numba import cuda

@cuda.jit
def add(a, b, y, size):
    i = cuda.grid(1)
    if i < size:
        y[i] = a[i] + b[i]
"""
WRONG = ADD.replace("if i < size", "if True")
LONG = 30  # seconds, on a machine that is busy


class Terminal:
    """A process in a terminal of some columns, and what it has printed."""

    def __init__(self, folder, *arguments, columns=80):
        import fcntl
        import struct
        import termios

        self.master, self.slave = os.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "MINIDL_LANGUAGE")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "minidl", "exercises", *arguments], stdin=self.slave, stdout=self.slave,
            stderr=self.slave, cwd=folder, start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY),
            env=environment | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        self.said = ""

    def until(self, text):
        """Read until a text has come; return what came with it, and forget it."""
        end = time.monotonic() + LONG
        while text not in self.said:
            assert time.monotonic() < end, self.said
            if select.select([self.master], [], [], 0.2)[0]:
                self.said += os.read(self.master, 4096).decode(errors="replace").replace("\r\n", "\n")
        found, _, self.said = self.said.partition(text)
        return found + text

    def press(self, keys):
        os.write(self.master, keys.encode())

    def ended(self):
        """Wait for the end; return the exit code, and whether the terminal is as it was."""
        import termios

        code = self.process.wait(LONG)
        return code, termios.tcgetattr(self.slave) == self.before


@pytest.fixture
def terminal(tmp_path):
    if not sys.platform.startswith("linux"):
        pytest.skip("NOT RUN: needs Linux's pseudo-terminals")
    folder = Folder.make(tmp_path)
    folder.start(13)
    started = []

    def start(*arguments, **options):
        started.append(Terminal(tmp_path, *arguments, **options))
        return folder.file(13), started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
        os.close(one.master)
        os.close(one.slave)


def test_from_the_save_to_the_sentence_and_every_key(terminal):
    path, seen = terminal("watch", "13")
    assert "polling" in seen.until("q quit") and "Not begun" in seen.until("Where a")
    path.write_text(WRONG)
    saved = time.monotonic()
    assert "✗ machine" in seen.until("explain F1") and time.monotonic() - saved < LONG
    seen.press("h")
    seen.until("hint 1 of 3")
    seen.press("hh")  # two keys at once
    seen.until("hint 2 of 3"), seen.until("hint 3 of 3")
    seen.press("p")
    seen.until("13_vector_add.html")
    seen.press("l")
    assert "→" in seen.until("17 bias_pair")
    seen.press("\x1b[A?")  # an arrow does nothing
    seen.until("q quit")
    seen.press("\n")
    seen.until("explain F1")
    path.write_text(ADD)
    assert "saved" in seen.until("★★ passed") + seen.until("n for the next: ")
    seen.press("n")
    assert "watching" in seen.until("14 relu_pair")
    seen.press("q")
    assert seen.ended() == (0, True)


@pytest.mark.slow
@pytest.mark.parametrize(("how", "code"), [("\x03", 0), ("\x04", 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_the_terminal_is_restored(terminal, how, code):
    import termios

    _, seen = terminal("watch", "13")
    seen.until("Where a")
    end = time.monotonic() + LONG
    while termios.tcgetattr(seen.slave) == seen.before and time.monotonic() < end:  # the keys are asked for next
        time.sleep(0.02)
    assert termios.tcgetattr(seen.slave) != seen.before
    seen.press(how) if isinstance(how, str) else seen.process.send_signal(how)
    assert seen.ended() == (code, True)


@pytest.mark.slow
def test_lines_fit_a_narrow_terminal(terminal):
    path, seen = terminal("watch", "13", columns=40)
    said = seen.until("Where a")
    path.write_text(WRONG)
    said += seen.until("explain F1")
    too_long = [line for line in said.splitlines() if len(line) > 40 and "/" not in line]
    assert too_long == [] and re.search(r"\n   [a-z]", said)


@pytest.fixture
def watched(tmp_path):
    said = []
    watch = Watch(Folder.make(tmp_path), 13, said.append)
    watch.begin()
    return watch, watch.folder.file(13), said


def test_a_file_that_vanishes_is_said_once_and_checked_when_it_is_back(watched):
    watch, path, said = watched
    path.unlink()
    before = len(said)
    assert not watch.look() and len(said) == before  # an editor may just be replacing it
    assert not watch.look() and "is not there" in said[-1] and not watch.look() and len(said) == before + 1
    assert watch.key("\n") and "is not there" in said[-1]
    assert watch.key("p") and said[-1].endswith(".html")  # of the last verdict
    path.mkdir()  # something else in its place
    assert not watch.look() and watch.key("\n") and said[-1]
    path.rmdir()
    path.write_text(WRONG)
    assert watch.look() and "✗ machine" in said[-1]
    backup = path.with_name("13_vector_add.py~")
    path.rename(backup)  # as vim saves: the old one moves away, a new one is written
    path.write_text(ADD)
    assert watch.look() and "★★ passed" in said[-2]


def test_a_save_that_changes_nothing_is_no_check(watched):
    watch, path, said = watched
    path.write_bytes(path.read_bytes())
    assert not watch.look()
    path.write_bytes(b"")  # an editor that empties the file first
    assert watch.look() and "not begun" in said[-1]


@pytest.mark.parametrize(
    "data",
    [
        ADD.encode("utf-16"),
        b"\xef\xbb\xbf" + ADD.encode(),
        ADD.replace("\n", "\r\n").encode(),
        ADD.encode() + b"# \xe9",
    ],
)
def test_files_as_other_editors_write_them(watched, data):
    watch, path, said = watched
    path.write_bytes(data)
    assert watch.look() and "★★ passed" in said[-2]


def test_what_is_no_text_is_said_and_the_watching_goes_on(watched):
    watch, path, said = watched
    for data in (b"\x00\x01\x02", b"\xff\xfe\xff", os.urandom(300), b"def add(\xc3\x28"):
        path.write_bytes(data)
        assert watch.look() and "✗ file" in said[-1] and "Traceback" not in said[-1]


def test_a_disk_that_takes_nothing_is_said(watched, monkeypatch):
    watch, path, said = watched

    @contextlib.contextmanager
    def full(path):
        raise OSError(28, "No space left on device", str(path))
        yield

    monkeypatch.setattr("minidl.course.folder.atomic_write", full)
    path.write_text(WRONG)
    watch.look()
    assert "✗ machine" in said[-1] and "not remembered: No space left" in said[-1]
    assert watch.key("h") and "hint 1" in said[-1] and watch.key("n") and "No space left" in said[-1]


def test_sequences_of_special_keys_are_no_keys():
    assert SEQUENCE.sub("", "\x1b[Ah\x1bOPq\x1b[1;5Cx\x1b") == "hqx"
    assert decoded(b"a\rb") == "a\nb"
