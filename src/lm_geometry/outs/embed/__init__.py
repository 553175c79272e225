"""What embed leaves: hidden states, losses and tokens of corpora, records of prompts."""
