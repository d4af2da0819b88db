"""Long files: uploaded in parts, worked on beside the requests, with progress and a result to come back to."""
