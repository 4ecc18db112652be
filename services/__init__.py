"""The gRPC services. None of them imports torch or training."""
