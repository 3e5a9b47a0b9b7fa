"""Two surveys held against each other with numpy, as an analyst would: co-registration on stable ground (Nuth and Kääb 2011), difference,
level of detection, volumes. The last line is JSON with CPU-seconds and peak memory; reading the files counts, as it does for ours.

    python terrain-change-peer.py FOLDER CELLS [STEP]

FOLDER holds before.f32 and after.f32 of terrain_change_bench, CELLS x CELLS of one metre. With STEP the fit sees every STEPth cell only.
"""
import json
import resource
import sys

import numpy as np

folder, cells = sys.argv[1], int(sys.argv[2])
step = int(sys.argv[3]) if len(sys.argv) > 3 else 1
before = np.fromfile(f"{folder}/before.f32", "<f4").reshape(cells, cells)
after = np.fromfile(f"{folder}/after.f32", "<f4").reshape(cells, cells)


def shifted(grid, east, north):
    """The grid read `east` and `north` metres from its cells, bilinear; NaN beyond its edge."""
    column, row = int(np.floor(east)), int(np.floor(-north))
    part, down = np.float32(east - column), np.float32(-north - row)
    padded = np.pad(grid, 3, constant_values=np.nan)
    at = lambda r, c: padded[3 + row + r:3 + row + r + cells, 3 + column + c:3 + column + c + cells]
    return (at(0, 0) * (1 - part) + at(0, 1) * part) * (1 - down) + (at(1, 0) * (1 - part) + at(1, 1) * part) * down


def nmad(values):
    return 1.4826 * np.median(np.abs(values - np.median(values)))


south, east = np.gradient(before[:, :])
slope_east, slope_north = east[::step, ::step], -south[::step, ::step]
del south, east
shift = np.zeros(3)
for _ in range(6):
    moved = shifted(after, shift[0], shift[1]) if shift.any() else after
    difference = (moved - before)[::step, ::step] - np.float32(shift[2])
    known = np.isfinite(difference)
    middle = np.median(difference[known])
    stable = known & (np.abs(difference - middle) < 3 * nmad(difference[known]))
    # A surface that lies d off shows dz - slope . d.
    matrix = np.stack([-slope_east[stable], -slope_north[stable], np.ones(stable.sum(), "f4")], 1).astype("f8")
    by = np.linalg.solve(matrix.T @ matrix, matrix.T @ difference[stable])
    shift += by
    if np.abs(by).max() < 1e-3:
        break
difference = shifted(after, shift[0], shift[1]) - before - np.float32(shift[2])
sigma = nmad(difference[::step, ::step][np.isfinite(difference[::step, ::step])])
limit = 1.96 * sigma
loss = -difference[difference < -limit].sum(dtype="f8")
gain = difference[difference > limit].sum(dtype="f8")
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"peer": "numpy", "step": step, "cpu_s": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1024,
                  "loss_m3": float(loss), "gain_m3": float(gain), "shift_m": shift.tolist()}))
