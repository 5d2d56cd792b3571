"""Sets up the process of a benchmark; imported first, before numpy and numba read the environment.

One thread. OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE, where somebody has set them, would slow numpy's BLAS and so flatter
every ratio: both are dropped. ``HWSIM_BENCH_AVX2=1`` restricts numba and OpenBLAS alike to what a machine with AVX2 and
without AVX-512 has.
"""

from __future__ import annotations

import os

for _name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(_name, None)
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

AVX2_ONLY = os.environ.get("HWSIM_BENCH_AVX2") == "1"
if AVX2_ONLY:
    os.environ["OPENBLAS_CORETYPE"] = "Haswell"
    os.environ["NUMBA_CPU_NAME"] = "haswell"
    os.environ["NUMBA_CPU_FEATURES"] = (
        "+64bit,+avx,+avx2,+bmi,+bmi2,+cmov,+cx16,+f16c,+fma,+lzcnt,+movbe,+popcnt,+sse4.2"
    )
