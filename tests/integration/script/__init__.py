"""`reproduce.sh` run by real shells."""
