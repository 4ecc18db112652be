"""Tests, and what they run on."""
