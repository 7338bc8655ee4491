"""The compile gate: reading machine code, holding it to claims, and (with NVIDIA's compilers) compiling."""

import re
import tomllib
from pathlib import Path

import pytest

from cuda_kernels._cuda import cuda, float32, int32
from cuda_kernels.compile import packages, sass
from cuda_kernels.compile.build import Result, compile_build
from cuda_kernels.compile.claims import failures
from cuda_kernels.ladder import Build, Claims

PROJECT = Path(__file__).resolve().parents[2]
LISTING = """
\t.section\t.text.kernel,"ax",@progbits
        /*0000*/                   LDC R1, c[0x0][0x28] ;
        /*0010*/                   I2F.F64 R2, R4 ;
.L_x_1:
        /*0020*/                   LDG.E.128.CONSTANT R4, desc[UR4][R2.64] ;
        /*0030*/              @!P0 FFMA R0, R4, R5, R0 ;
.L_x_0:
        /*0040*/                   FFMA R0, R6, R7, R0 ;
        /*0050*/                   FFMA R1, R6, R7, R1 ;
        /*0060*/               @P1 BRA `(.L_x_0) ;
        /*0070*/                   DEPBAR.LE SB0, 0x0 ;
        /*0080*/               @P0 BRA `(.L_x_1) ;
        /*0090*/                   EXIT ;
.L_x_2:
        /*00a0*/                   BRA `(.L_x_2);
        /*00b0*/                   NOP;
"""
NEEDS_COMPILERS = pytest.mark.skipif(
    bool(packages.problems()), reason="NOT RUN: the compile gate's packages: " + "; ".join(packages.problems()))


def result(**changes):
    return Result(**{"registers": 32, "local_bytes": 0, "shared_bytes": 0, "code": sass.parse(LISTING), "text": "",
                     **changes})


def test_parse_counts_instructions_without_padding():
    code = sass.parse(LISTING)
    assert code.count == 11
    assert code.names()["FFMA"] == 3
    assert code.has("LDG.E.128") and not code.has("LDG.E.64")


def test_loops_are_branches_back_and_the_main_one_has_the_most():
    code = sass.parse(LISTING)
    assert code.loops() == [(4, 7), (2, 9), (10, 11)]
    assert code.main_loop("FFMA") == (3, code.names(2, 9))
    assert code.main_loop("LDG")[1].total() == 7


def test_resources_adds_stack_and_local():
    usage = "Function k:\n  REG:40 STACK:16 SHARED:2048 LOCAL:8 CONSTANT[0]:744 TEXTURE:0"
    assert sass.resources(usage) == (40, 24, 2048)
    with pytest.raises(ValueError, match="names no registers"):
        sass.resources("nothing")


@pytest.mark.parametrize("name, wide", [
    ("DADD", True), ("DFMA", True), ("DSETP.GEU.AND", True), ("I2F.F64", True), ("F2F.F32.F64", True),
    ("MUFU.RCP64H", True), ("DEPBAR.LE", False), ("FADD", False), ("LDG.E.64", False), ("F2I.S64", False)])
def test_float64_is_told_from_its_neighbours(name, wide):
    assert bool(sass.FLOAT64.match(name)) == wide


@pytest.mark.parametrize("claims, said", [
    (Claims(float64=True), []),
    (Claims(), ["computes in float64: 1 I2F.F64"]),
    (Claims(float64=True, registers=31), ["takes 32 registers"]),
    (Claims(float64=True, contains=("LDG.E.128", "HMMA")), ["has no HMMA"]),
    (Claims(float64=True, lacks=("LDG", "LDL")), ["has LDG"]),
    (Claims(float64=True, loop=("FFMA", 0.4)), []),
    (Claims(float64=True, loop=("FFMA", 0.5)), ["3 FFMA among the 7"]),
])
def test_claims_that_fail_are_named(claims, said):
    found = failures(claims, result())
    assert len(found) == len(said)
    assert all(text in line for text, line in zip(said, found, strict=True))


def test_local_memory_in_the_main_loop_fails():
    spilled = sass.parse(LISTING.replace("LDG.E.128.CONSTANT", "LDL.64"))
    found = failures(Claims(float64=True, local_bytes=8, loop=("FFMA", 0.4)), result(local_bytes=8, code=spilled))
    assert found == ["moves local memory in its main loop: 1 LDL.64"]


def test_local_memory_beyond_the_claim_fails():
    assert "takes 8 bytes of local memory" in failures(Claims(float64=True), result(local_bytes=8))[0]
    assert failures(Claims(float64=True, local_bytes=8), result(local_bytes=8)) == []


def test_pins_are_those_of_the_dependency_group():
    group = tomllib.loads((PROJECT / "pyproject.toml").read_text())["dependency-groups"]["gate"]
    assert dict(re.fullmatch(r"(\S+)==(\S+)", line).groups() for line in group) == packages.PINS


@NEEDS_COMPILERS
@pytest.mark.parametrize("architecture", ["sm_75", "sm_90a"])
def test_compiled_kernel_shows_its_instructions(architecture):
    @cuda.jit
    def scale(x, y, factor, size):
        i = cuda.grid(1)
        if i < size:
            y[i] = x[i] * factor

    found = compile_build(Build(scale, (float32[::1], float32[::1], float32, int32)), architecture)
    assert found.code.has("FMUL") and found.registers < 40 and found.local_bytes == 0
    assert failures(Claims(), found) == []


@NEEDS_COMPILERS
def test_hidden_float64_is_found():
    @cuda.jit
    def mean(x, y, size):
        i = cuda.grid(1)
        if i < size:
            y[i] = x[i] / size

    found = compile_build(Build(mean, (float32[::1], float32[::1], int32)), "sm_90a")
    assert "computes in float64" in failures(Claims(), found)[0]
