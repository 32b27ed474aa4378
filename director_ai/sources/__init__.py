"""Token sources: text, samples, recordings and endpoints that speak the OpenAI protocol."""

from director_ai._lazy import attach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from director_ai.sources.chat.async_stream import AsyncChatStream
    from director_ai.sources.chat.endpoint import Endpoint
    from director_ai.sources.chat.logprob import logprob_score
    from director_ai.sources.chat.openai_stream import from_openai
    from director_ai.sources.chat.stream import ChatStream
    from director_ai.sources.jsonl_file import read_file, read_records
    from director_ai.sources.sample_sessions import cut_answer, samples
    from director_ai.sources.tokenizer import tokenize

__all__ = [
    "AsyncChatStream",
    "ChatStream",
    "Endpoint",
    "cut_answer",
    "from_openai",
    "logprob_score",
    "read_file",
    "read_records",
    "samples",
    "tokenize",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "AsyncChatStream": "director_ai.sources.chat.async_stream",
        "ChatStream": "director_ai.sources.chat.stream",
        "Endpoint": "director_ai.sources.chat.endpoint",
        "cut_answer": "director_ai.sources.sample_sessions",
        "from_openai": "director_ai.sources.chat.openai_stream",
        "logprob_score": "director_ai.sources.chat.logprob",
        "read_file": "director_ai.sources.jsonl_file",
        "read_records": "director_ai.sources.jsonl_file",
        "samples": "director_ai.sources.sample_sessions",
        "tokenize": "director_ai.sources.tokenizer",
    },
)
