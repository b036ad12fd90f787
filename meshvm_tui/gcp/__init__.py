"""Google's own documents, pure: bodies of requests, and what answers say. JSON in the REST API's spelling."""
