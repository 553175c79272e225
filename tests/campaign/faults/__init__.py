"""Every fault and attack that was once tried by hand, and the tests that try each again."""
