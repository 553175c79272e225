"""What `dvc plots` shows: the page that needs no network, templates, charts of revisions."""
