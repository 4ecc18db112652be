"""Sheets: many pictures on one, side by side."""
