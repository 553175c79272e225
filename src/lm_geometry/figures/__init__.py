"""The figures of the pipeline: one chart function each, for PNG, SVG and DVC's own pages."""
