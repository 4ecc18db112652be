"""How the platform is run: on one machine (`deploy.local`) and in a cluster."""
