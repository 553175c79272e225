"""What an experiment costs on this machine: counted from its parameters, and measured here."""
