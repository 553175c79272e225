"""The stage estimate: dimensions of every cloud, and all that is measured of prompts."""
