"""Import path of the benchmarks: the clone they lie in comes before an installed package.

``DIRECTOR_CLONE`` names another clone to measure, such as that of an earlier version.
"""

import os
import sys
from pathlib import Path

ROOT = Path(os.environ.get("DIRECTOR_CLONE", Path(__file__).parents[2])).resolve()

if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))
# Processes that are started import from it, too.
os.environ["PYTHONPATH"] = str(ROOT)
