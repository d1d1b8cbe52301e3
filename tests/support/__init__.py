"""What tests share: fakes on the loopback, real nodes, cases, and ways to wait."""
