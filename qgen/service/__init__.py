"""``qgen serve``: questions over HTTP, concurrent requests decoded together."""
