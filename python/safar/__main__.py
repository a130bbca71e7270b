"""`python -m safar` is the command `safar`."""

from safar.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
