"""The demo's telephone in the browser."""
