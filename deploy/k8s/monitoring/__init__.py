"""Rules, alerts, routes and dashboards: plain files, and what Kubernetes needs made of them."""
