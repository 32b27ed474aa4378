"""An application that talks with the page of the reference client; text is held back.

Run it with ``uvicorn tests.integrations.talk_app:app``, and open its page in a browser.
"""

import os
from importlib.resources import files

from fastapi import Body, FastAPI, Response

from director_ai import AsyncStreamingKernel, CoherenceScorer, GroundTruthStore, ReleasePolicy
from director_ai.integrations import GuardedResponse
from director_ai.sources import AsyncChatStream, Endpoint

endpoint = Endpoint(os.environ.get("CHAT_ENDPOINT", "http://127.0.0.1:8080/v1"), "default")
facts = GroundTruthStore.from_mapping({"sky": "The sky is blue, as air scatters blue light."})
scorer = CoherenceScorer(ground_truth_store=facts)
kernel = AsyncStreamingKernel(on_fault="halt")
release = ReleasePolicy(8, at_halt="sentence", replacement=" [withdrawn]")
client = files("director_ai.integrations")
app = FastAPI()


@app.post("/talk")
async def talk(messages: list[dict[str, str]] = Body(embed=True)) -> GuardedResponse:
    """Go on with a conversation; text is taken back after a halt."""
    source = AsyncChatStream(endpoint, messages)
    score = scorer.stream_callback(messages[-1]["content"])
    return GuardedResponse(kernel.stream_tokens(source, score), release=release)


@app.get("/")
async def page() -> Response:
    """Send the page of the reference client."""
    return Response(client.joinpath("release_client.html").read_text(), media_type="text/html")


@app.get("/release_client.js")
async def script() -> Response:
    """Send its script."""
    text = client.joinpath("release_client.js").read_text()
    return Response(text, media_type="text/javascript")
