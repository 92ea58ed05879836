"""Summaries in words: by templates, or worded by a language model from the same facts and checked against them."""
