"""The autoscaling of deploy/k8s on one machine: real Tritons, real queries, no cluster."""
