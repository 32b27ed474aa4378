"""Import path of the original for the base of both kernels, and that base's old name."""

from director_ai.core.runtime.kernel import HaltMonitor

__all__ = ["HaltMonitor", "SafetyKernel"]

SafetyKernel = HaltMonitor
