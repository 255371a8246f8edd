"""What the package takes for granted of others, who do not promise it."""

import os
import platform
import subprocess
import sys

import pytest

COUNT_CLEARED_PAGES = """
import resource
import numpy as np
from oracle.machine import threads

def count_cleared(mebibytes):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(mebibytes * 2**20, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

first = count_cleared(10)
threads._keep_freed_memory()
count_cleared(20)
print(first, count_cleared(20))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="about glibc's malloc")
def test_malloc_keeps_the_memory_of_freed_arrays() -> None:
    # Settings of malloc by a user go before what the package asks for.
    environment = {name: value for name, value in os.environ.items() if "MALLOC" not in name}
    command = [sys.executable, "-c", COUNT_CLEARED_PAGES]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    first, again = map(int, done.stdout.split())
    assert again < first / 10, (
        f"_keep_freed_memory of oracle/machine/threads.py has no effect with glibc "
        f"{platform.libc_ver()[1]}: the system cleared {again} pages for an array whose memory had "
        f"been freed, {first} for a new one of half the size. With glibc 2.36 and numpy 2.4 it "
        "cleared none: measure what still helps, or remove the function"
    )
