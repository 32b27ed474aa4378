"""Import path of the original for the sync kernel."""

from director_ai.core.runtime.session import StreamSession, TokenEvent
from director_ai.core.runtime.streaming import StreamingKernel

__all__ = ["StreamSession", "StreamingKernel", "TokenEvent"]
