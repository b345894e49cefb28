"""Finds debugging lines and tabs."""
import pathlib
import sys

bad = [
    str(path)
    for path in pathlib.Path("shop").rglob("*.py")
    if "print(" in path.read_text() or "\t" in path.read_text()
]
for path in bad:
    print(f"{path}: no print and no tabs here")
sys.exit(1 if bad else 0)
