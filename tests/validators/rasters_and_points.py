"""rio-cogeo over COGs and laspy over COPC files; the last line is JSON: what each said, and the number of faults.

    python rasters_and_points.py FILE...
"""
import json
import sys

import laspy
from rio_cogeo.cogeo import cog_validate

said, bad = [], 0
for path in sys.argv[1:]:
    if path.endswith(".tif"):
        valid, errors, warnings = cog_validate(path, strict=True, quiet=True)
        said.append({"path": path, "valid": valid, "errors": errors, "warnings": warnings})
        bad += not valid
    else:
        with laspy.CopcReader.open(path) as reader:
            counted = len(reader.query())
            headed = reader.header.point_count
        said.append({"path": path, "points": counted, "header": headed})
        bad += counted != headed
print(json.dumps({"said": said, "bad": bad}))
sys.exit(1 if bad or not said else 0)
