"""A folder of one's own: pictures in, a served model out, nothing of it in the checkout."""
