"""The stage token-sample: which tokens make a point cloud."""
