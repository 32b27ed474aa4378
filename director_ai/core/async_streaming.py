"""Import path of the original for the async kernel."""

from director_ai.core.runtime.async_streaming import AsyncStreamingKernel

__all__ = ["AsyncStreamingKernel"]
