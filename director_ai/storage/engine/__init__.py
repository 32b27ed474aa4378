"""The database under the store: connections, schema, migrations, locks, text search."""

import sys

from director_ai.errors import UnsupportedSystemError

if sys.platform == "win32":
    # Its locks, its handling of forks and its import within limits are those of POSIX.
    raise UnsupportedSystemError(
        f"the store, and with it the app and the command, needs Linux or another POSIX system, "
        f"got {sys.platform!r}; kernels and scorers do without it"
    )
