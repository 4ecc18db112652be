"""The verbs of `anime-gan` that talk to a service: one module each, `main(argv) -> exit code`."""
