"""The JSON interface under /api/v1: one module per noun, listed by `api.app`."""
