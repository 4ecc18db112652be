"""The road of a call: server, interceptor, admission, deadlines, errors, health, metrics, logs."""
