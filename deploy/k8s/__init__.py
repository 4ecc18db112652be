"""The platform on Kubernetes: kustomizations, their monitoring, and what checks them."""
