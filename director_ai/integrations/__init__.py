"""Guards around clients and responses, and tracing."""

from director_ai._lazy import attach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from director_ai.integrations.asgi import GuardedResponse
    from director_ai.integrations.openai_guard import AsyncOpenAIGuard, OpenAIGuard
    from director_ai.integrations.opentelemetry import traced

__all__ = [
    "AsyncOpenAIGuard",
    "GuardedResponse",
    "OpenAIGuard",
    "traced",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "AsyncOpenAIGuard": "director_ai.integrations.openai_guard",
        "GuardedResponse": "director_ai.integrations.asgi",
        "OpenAIGuard": "director_ai.integrations.openai_guard",
        "traced": "director_ai.integrations.opentelemetry",
    },
)
