"""Executes one notebook headless, in its own folder, and shows the output of the cell that fails.

Run by scripts/testrun with the Python of .cache/venv (`m6 setup --notebooks`). The notebook on disk
stays as it is: outputs are not committed. With --html FILE the executed notebook is written there.
"""

import argparse
import pathlib
import re
import subprocess
import sys

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

# GoNB reports a cell that does not compile as an error, but a program that fails only by this line.
FAILED = re.compile(r"(?:exit status [1-9]\d*|signal: .*)\s*\Z")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebook", type=pathlib.Path)
    parser.add_argument("--html", type=pathlib.Path)
    parser.add_argument("--timeout", type=int, default=600, help="seconds a cell may take")
    args = parser.parse_args()
    notebook = nbformat.read(args.notebook, as_version=4)
    folder = str(args.notebook.resolve().parent)
    client = NotebookClient(notebook, timeout=args.timeout, resources={"metadata": {"path": folder}})
    problem = None
    try:
        client.execute(stderr=subprocess.DEVNULL)  # the kernel's log
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        problem = str(error)
    for number, cell in enumerate(notebook.cells, 1):
        if fails(cell) and "raises-exception" not in cell.metadata.get("tags", []):
            problem = f"cell {number} failed:\n{cell.source}\n{texts(cell)}"
            break
    if problem:
        print(f"{args.notebook}: {problem}", file=sys.stderr)
        return 1
    if args.html:
        write_html(notebook, args.html)
    return 0


def fails(cell) -> bool:
    """Whether a code cell ended in an error or its program with a failure."""
    outputs = cell.get("outputs", [])
    errors = "".join(o.text for o in outputs if o.output_type == "stream" and o.name == "stderr")
    return bool(FAILED.search(errors)) or any(o.output_type == "error" for o in outputs)


def texts(cell) -> str:
    """What a cell printed, errors included."""
    return "".join(o.get("text") or "\n".join(o.get("traceback", [])) for o in cell.get("outputs", []))


def write_html(notebook, path: pathlib.Path) -> None:
    from nbconvert import HTMLExporter

    body, _ = HTMLExporter().from_notebook_node(notebook)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(body, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
