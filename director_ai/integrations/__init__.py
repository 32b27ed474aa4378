"""Guards around clients and responses, a client of theirs, tracing, metrics and alerts."""

from director_ai._lazy import attach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from director_ai.integrations.asgi import GuardedResponse
    from director_ai.integrations.openai_guard import AsyncOpenAIGuard, OpenAIGuard
    from director_ai.integrations.opentelemetry import traced
    from director_ai.integrations.opentelemetry_metrics import ReportMetrics
    from director_ai.integrations.release_client import Screen, follow
    from director_ai.integrations.webhook import Webhook, send_due

__all__ = [
    "AsyncOpenAIGuard",
    "GuardedResponse",
    "OpenAIGuard",
    "ReportMetrics",
    "Screen",
    "Webhook",
    "follow",
    "send_due",
    "traced",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "AsyncOpenAIGuard": "director_ai.integrations.openai_guard",
        "GuardedResponse": "director_ai.integrations.asgi",
        "OpenAIGuard": "director_ai.integrations.openai_guard",
        "ReportMetrics": "director_ai.integrations.opentelemetry_metrics",
        "Screen": "director_ai.integrations.release_client",
        "Webhook": "director_ai.integrations.webhook",
        "follow": "director_ai.integrations.release_client",
        "send_due": "director_ai.integrations.webhook",
        "traced": "director_ai.integrations.opentelemetry",
    },
)
