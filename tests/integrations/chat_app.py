"""An application whose answers are judged on their way out.

Run it with ``uvicorn tests.integrations.chat_app:app``, and ask it with
``curl -N -d '' 'http://127.0.0.1:8000/chat?question=Why'``.
"""

import os

from fastapi import FastAPI

from director_ai import AsyncStreamingKernel, CoherenceScorer, GroundTruthStore
from director_ai.integrations import GuardedResponse
from director_ai.sources import AsyncChatStream, Endpoint

endpoint = Endpoint(os.environ.get("CHAT_ENDPOINT", "http://127.0.0.1:8080/v1"), "default")
facts = GroundTruthStore.from_mapping({"sky": "The sky is blue, as air scatters blue light."})
scorer = CoherenceScorer(ground_truth_store=facts)
kernel = AsyncStreamingKernel(on_fault="halt")
app = FastAPI()


@app.post("/chat")
async def chat(question: str) -> GuardedResponse:
    """Answer a question, up to where the kernel halts."""
    source = AsyncChatStream(endpoint, question)
    return GuardedResponse(kernel.stream_tokens(source, scorer.stream_callback(question)))
