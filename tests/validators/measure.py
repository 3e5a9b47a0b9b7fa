"""Runs a program and says its exit code, CPU-seconds and peak memory, its children's included, as one last line of JSON on stderr.

    python3 measure.py CPU_LIMIT_S PROGRAM ARGUMENTS...      the kernel ends a process that passes the limit
"""
import json
import resource
import subprocess
import sys

limit_s = int(sys.argv[1])
done = subprocess.run(sys.argv[2:], check=False, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s)))
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"code": done.returncode, "cpu_s": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1024}), file=sys.stderr)
