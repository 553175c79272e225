"""Corpora whose sequences others tokenised: token ids that are kept as they are."""
