"""Programs that the compiler instruments: their run-time libraries use every corner of a linker."""

from __future__ import annotations

import pytest
from programs import compile_cxx, skip_without_clang_libraries

SOURCE = """
    #include <iostream>
    #include <stdexcept>
    #include <thread>
    #include <vector>
    int sum;
    int main() {
        std::vector<std::thread> threads;
        for (int n = 0; n < 3; n++) threads.emplace_back([] { __atomic_fetch_add(&sum, 14, __ATOMIC_SEQ_CST); });
        for (auto &thread : threads) thread.join();
        try { throw std::runtime_error("caught"); } catch (std::exception &e) { std::cout << e.what() << sum << "\\n"; }
    }
"""
WITH_GCC = (
    "-fsanitize=thread",
    "-fsanitize=undefined",
    "-fsanitize=leak",
    "-fsanitize=address -static-libasan",
    "--coverage",
    "--coverage -static",
    "-pg -static",
    "-fsplit-stack",
    "-fcf-protection=full -Wl,-z,shstk",
    "-fstack-protector-all -D_FORTIFY_SOURCE=2 -O2",
    "-flto -ffat-lto-objects -fno-lto",
)
WITH_CLANG = (
    "-fsanitize=thread",
    "-fsanitize=undefined",
    "-fsanitize=safe-stack",
    "-fprofile-instr-generate -fcoverage-mapping",
    "-fxray-instrument",
    "-rtlib=compiler-rt",
)
PROGRAMS = [*(("g++", flags) for flags in WITH_GCC), *(("clang++", flags) for flags in WITH_CLANG)]


@pytest.mark.slow
@pytest.mark.parametrize(("driver", "flags"), PROGRAMS)
def test_instrumented_program_runs(link, driver, flags):
    if driver == "clang++":
        skip_without_clang_libraries()
    words = flags.split()
    code = [word for word in words if not word.startswith(("-Wl", "-static", "-rtlib"))]

    program = link(compile_cxx(SOURCE, *code, compiler=driver), *words, "-pthread", driver=driver)

    assert "caught42\n" in program.run(TSAN_OPTIONS="halt_on_error=1", ASAN_OPTIONS="detect_leaks=0")
