"""The OpenAI chat protocol: endpoint, request, response, and streams that can be aborted."""
