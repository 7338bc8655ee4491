"""`python -m minidl` is the `minidl` command."""

from minidl.cli import main

if __name__ == "__main__":
    main()
