"""Pages whose examples are not run where they stand."""

# They add files to minidl: tests/docs runs them in a copy.
collect_ignore = ["add_a_layer.md"]
