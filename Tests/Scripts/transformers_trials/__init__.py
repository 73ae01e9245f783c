"""What open-with-transformers.py tries, by subject."""
