"""Commands in processes that hold the libraries already, forked from one that loaded them."""
